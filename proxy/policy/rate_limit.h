// What a rate limit is, and what it says of one call.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::policy {

enum class RateAlgorithm : uint8_t { token_bucket, sliding_window };

struct RateLimitConfig {
  double rate_per_s = 10;      // > 0; count / window
  double burst = 20;           // >= 1
  Duration idle_ttl = 180s;    // > 0; shorter than burst/rate_per_s (or the window) would let a client refill by
                               // waiting to be deleted: the effective ttl is the longer of the two
  uint64_t max_keys = 100000;  // >= 1
  Mode mode = Mode::enforce;
  RateAlgorithm algorithm = RateAlgorithm::token_bucket;
  uint32_t count = 10;   // sliding_window: at most this many (`100/60s`: 100) …
  Duration window = 1s;  // … in any window of this length (60 s); both say the same as rate_per_s
  friend bool operator==(const RateLimitConfig&, const RateLimitConfig&) = default;
};

struct RateDecision {
  bool allowed = true;     // in shadow mode: what would have been; the caller acts on `mode`
  Duration retry_after{};  // until the call would pass; 0 when allowed
  double remaining = 0;    // whole calls left
  Duration reset_after{};  // until nothing of what was taken counts any more
};

}  // namespace tidegate::policy
