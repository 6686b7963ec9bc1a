// The open connections of all servers that share it, at most so many: those of one listener, on every worker.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>

namespace tidegate::http {

class ConnectionCount {
 public:
  explicit ConnectionCount(size_t max) : max_(max) {}

  // Those beyond a smaller maximum stay until they end by themselves.
  void set_max(size_t max) { max_ = max; }

  // False: there are `max` already.
  bool add() {
    size_t open = open_.load(std::memory_order_relaxed);
    do {
      if (open >= max()) return false;
    } while (!open_.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
    return true;
  }
  void remove() { open_.fetch_sub(1, std::memory_order_relaxed); }

  size_t max() const { return max_.load(std::memory_order_relaxed); }

 private:
  std::atomic<size_t> max_;
  std::atomic<size_t> open_{0};
};

}  // namespace tidegate::http
