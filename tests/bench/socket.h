// Loopback TCP sockets and edge-triggered epoll for the benchmark programs. One thread; nothing here is shared.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tidegate::bench {

// The size of reads and writes. Just below the largest segment of the loopback (65483 bytes): 64 KiB would leave as one
// such segment and one of 53 bytes, which doubles the cost of a large body.
inline constexpr std::size_t kBufferBytes = 60 * 1024;

// Prints what failed with errno's text and ends the program with status 1.
[[noreturn]] void die(const char* what);

// A descriptor that is closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int value) : value_(value) {}
  Fd(Fd&& other) noexcept : value_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  void close();

 private:
  int release();

  int value_ = -1;
};

// A non-blocking listener on 127.0.0.1:port. Ends the program if the port is in use.
Fd listen_loopback(std::uint16_t port);

// A non-blocking connection without Nagle's delay. The connect itself blocks: on loopback it is over at once.
// Empty when refused.
Fd connect_loopback(std::uint16_t port);

// The next waiting connection, set up likewise; empty: none waits.
Fd accept_next(const Fd& listener);

// One epoll instance. Every descriptor is registered once, edge-triggered, for both directions, so that steady
// traffic costs no epoll_ctl: a handler must write until EAGAIN, and read until EAGAIN or a short read, but until the
// end of the stream where the event says kHungUp, which is not said again.
class Poller {
 public:
  static constexpr std::uint32_t kHungUp = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  static constexpr std::uint32_t kReadable = EPOLLIN | kHungUp;
  static constexpr std::uint32_t kWritable = EPOLLOUT | EPOLLHUP | EPOLLERR;

  Poller();
  void add(const Fd& fd, void* owner);
  // Waits for events, at most timeout_ms (-1: without limit). Empty on the timeout.
  std::span<epoll_event> wait(int timeout_ms);

 private:
  Fd epoll_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace tidegate::bench
