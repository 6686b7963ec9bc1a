// The memory that all buffered and kept bodies of the process may take together (`limits.buffered`), and the share of
// it that one body has. A body that gets no more memory goes to a file, or waits, or is refused.
//
// Not counted: the first kUncounted bytes of each body, so that small requests cost nothing; the one piece that is just
// on its way; the last 64 KiB of a response, once the upstream is done; and the buffers of sockets.
#pragma once

#include <atomic>
#include <cstdint>

namespace tidegate::core {

// Thread-safe.
class BufferBudget {
 public:
  explicit BufferBudget(uint64_t limit) : limit_(limit) {}
  BufferBudget(const BufferBudget&) = delete;
  BufferBudget& operator=(const BufferBudget&) = delete;

  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }  // in bytes
  // What is above a smaller limit stays until its bodies end.
  void set_limit(uint64_t limit) { limit_ = limit; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

  // All of `bytes`, or nothing.
  bool take(uint64_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit()) return true;
    give_back(bytes);
    return false;
  }
  void give_back(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> used_{0};
};

// What one body has of the budget, given back at its end. Belongs to one loop.
class BufferShare {
 public:
  static constexpr uint64_t kUncounted = 4 * 1024;

  // The budget outlives the share.
  explicit BufferShare(BufferBudget& budget) : budget_(budget) {}
  ~BufferShare() { resize(0); }
  BufferShare(const BufferShare&) = delete;
  BufferShare& operator=(const BufferShare&) = delete;

  // The body takes `bytes` from now on. False: there is not so much, and the share stays as it was. Less is always
  // granted.
  bool resize(uint64_t bytes) {
    const uint64_t counted = bytes <= kUncounted ? 0 : bytes;
    if (counted > counted_ && !budget_.take(counted - counted_)) return false;
    if (counted < counted_) budget_.give_back(counted_ - counted);
    counted_ = counted;
    return true;
  }

 private:
  BufferBudget& budget_;
  uint64_t counted_ = 0;
};

}  // namespace tidegate::core
