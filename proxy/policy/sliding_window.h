// The exact log of a sliding window: at most `count` calls in any window of that length. Pure: `now` is an argument.
// Thread-safe (sharded locks; exact). A part of RateLimiter.
//
//   admitted   ×  ×        ×  ×      ×      ▼ now
//           ───┼──────────────────────────────▶
//              └─ now - window        a call at that very moment has just left: the window is (now - window, now],
//                                     so that no interval [t, t + window) holds more than `count`
//
// Bounded: 8 bytes a call in the log, at most `count` calls a key (a key that is idle for idle_ttl, or the least
// recently used one of max_keys, is deleted with its log).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/time.h"
#include "policy/keys/rate_key.h"
#include "policy/rate_limit.h"

namespace tidegate::policy {

class SlidingWindow {
 public:
  // count, max_keys >= 1; idle_ttl >= window > 0.
  SlidingWindow(uint32_t count, Duration window, Duration idle_ttl, uint64_t max_keys);
  ~SlidingWindow();
  SlidingWindow(const SlidingWindow&) = delete;
  SlidingWindow& operator=(const SlidingWindow&) = delete;

  // As RateLimiter. A cost is rounded up to whole calls; one above `count` never passes.
  RateDecision check(const RateKey& key, Time now, double cost = 1);
  void record(const RateKey& key, Time now, double cost = 1);
  size_t tracked() const;

  // What max_keys clients that use all of their limit take: a log and 96 bytes each (key_table.h).
  static constexpr uint64_t memory_max(uint32_t count, uint64_t max_keys) {
    return max_keys * (96 + count * uint64_t{sizeof(Time)});
  }

 private:
  class Logs;
  std::unique_ptr<Logs> logs_;
};

}  // namespace tidegate::policy
