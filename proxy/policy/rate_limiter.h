// A limit of calls by key in a bounded table: token buckets, or the exact log of a sliding window (sliding_window.h).
// Pure: `now` is an argument. Thread-safe (sharded locks; exact).
//
// A bucket holds up to `burst` tokens and gains `rate_per_s` a second (Turner 1986; the arithmetic of
// golang.org/x/time/rate AllowN, against whose recorded decisions it is tested). A key not seen for idle_ttl is
// deleted; when max_keys are tracked the least recently used key makes room.
#pragma once

#include <cstddef>
#include <memory>

#include "base/time.h"
#include "policy/keys/rate_key.h"
#include "policy/rate_limit.h"

namespace tidegate::policy {

class RateLimiter {
 public:
  explicit RateLimiter(const RateLimitConfig& config);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // Lets a call of that `cost` pass if the limit does, and counts it then. `now` may run slightly behind an earlier
  // call's (other threads).
  RateDecision check(const RateKey& key, Time now, double cost = 1);

  // Counts a call that another limiter allowed: by a count shared with other processes, which this limiter
  // may have to take.
  void record(const RateKey& key, Time now, double cost = 1);

  size_t tracked() const;
  const RateLimitConfig& config() const { return config_; }  // as given

 private:
  struct Impl;
  const RateLimitConfig config_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::policy
