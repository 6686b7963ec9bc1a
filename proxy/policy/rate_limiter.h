// Token buckets, one per key, in a bounded table. Pure: `now` is an argument. Thread-safe (sharded locks; exact).
//
// A bucket holds up to `burst` tokens and gains `rate_per_s` a second (Turner 1986; the arithmetic of
// golang.org/x/time/rate AllowN, against whose recorded decisions it is tested). A key not seen for idle_ttl is
// forgotten; when max_keys are tracked the least recently used key makes room.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::policy {

enum class RateAlgorithm : uint8_t { token_bucket, sliding_window };

struct RateLimitConfig {
  double rate_per_s = 10;      // > 0; count / window
  double burst = 20;           // >= 1
  Duration idle_ttl = 180s;    // > 0; shorter than burst/rate_per_s would let a client refill by waiting for oblivion:
                               // the effective ttl is the longer of the two
  uint64_t max_keys = 100000;  // >= 1
  Mode mode = Mode::enforce;
  RateAlgorithm algorithm = RateAlgorithm::token_bucket;
  uint32_t count = 10;   // sliding_window: at most this many (`100/60s`: 100) …
  Duration window = 1s;  // … in any window of this length (60 s); both say the same as rate_per_s
};

struct RateDecision {
  bool allowed = true;     // in shadow mode: what would have been; the caller acts on `mode`
  Duration retry_after{};  // until `cost` tokens are there; 0 when allowed
  double remaining = 0;    // whole tokens left
  Duration reset_after{};  // until the bucket is full again
};

// A client, as 128 bits of keyed hash: tables of any key type cost the same and cannot be attacked by chosen keys.
struct RateKey {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const RateKey&, const RateKey&) = default;
};

// Builds a key from its parts, in order. `secret` is random per process.
class RateKeyBuilder {
 public:
  explicit RateKeyBuilder(uint64_t secret);
  void add(std::string_view part);  // parts do not run together: ("ab","c") differs from ("a","bc")
  void add(const IpAddress& client, int ipv6_prefix_bits);
  RateKey key() const;

 private:
  uint64_t high_;
  uint64_t low_;
};

class RateLimiter {
 public:
  explicit RateLimiter(const RateLimitConfig& config);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // Takes `cost` tokens if they are there. `now` may run slightly behind an earlier call's (other threads).
  RateDecision check(const RateKey& key, Time now, double cost = 1);

  size_t tracked() const;
  const RateLimitConfig& config() const { return config_; }

 private:
  struct Shard;
  RateLimitConfig config_;
  uint64_t shard_count_ = 1;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace tidegate::policy
