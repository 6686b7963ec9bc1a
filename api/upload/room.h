// The bound on all pictures in memory that uploads have brought.
#pragma once

#include <cstdint>
#include <utility>

namespace tidegate::api {

class RoomBudget {
 public:
  explicit RoomBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  uint64_t used() const { return used_; }

 private:
  friend class Room;
  const uint64_t bytes_max_;
  uint64_t used_ = 0;
};

// A part of the budget, given back with its owner. The budget outlives it.
class Room {
 public:
  explicit Room(RoomBudget& budget) : budget_(&budget) {}
  Room(Room&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  Room& operator=(Room&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Room() { clear(); }

  // False: there is none, and nothing was taken.
  bool grow(uint64_t bytes) {
    if (bytes > budget_->bytes_max_ - budget_->used_) return false;
    budget_->used_ += bytes;
    bytes_ += bytes;
    return true;
  }
  void clear() { budget_->used_ -= std::exchange(bytes_, 0); }

 private:
  RoomBudget* budget_;
  uint64_t bytes_ = 0;
};

}  // namespace tidegate::api
