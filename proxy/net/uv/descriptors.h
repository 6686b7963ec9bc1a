// Descriptors: one that is owned, and how many files and sockets this process may have open (RLIMIT_NOFILE).
#pragma once

#include <cstdint>
#include <utility>

namespace tidegate::net {

// An open file or socket, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}  // takes it over; -1: none
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  // Another number for the same open file (close on exec); none: the limit of open files is reached.
  Descriptor duplicate() const;

 private:
  int number_ = -1;
};

// Raises the soft limit to the hard one, and returns what holds now. The soft limit is often 1024 for the sake of
// programs that call select(), which none of ours does.
uint64_t raise_descriptor_limit();

}  // namespace tidegate::net
