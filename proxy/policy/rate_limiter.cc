#include "policy/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "policy/keys/key_table.h"
#include "policy/sliding_window.h"

namespace tidegate::policy {

namespace {

// The arithmetic of golang.org/x/time/rate, to the rounding.
double tokens_from(Duration d, double rate) {
  const int64_t ns = d.count();
  return (static_cast<double>(ns / 1'000'000'000) + static_cast<double>(ns % 1'000'000'000) / 1e9) * rate;
}

Duration duration_from(double tokens, double rate) {
  const double ns = 1e9 * (tokens / rate);
  constexpr double kMost = 9.2e18;
  return Duration(ns > kMost ? INT64_MAX : static_cast<int64_t>(ns));
}

}  // namespace

class TokenBuckets {
 public:
  explicit TokenBuckets(const RateLimitConfig& config) : config_(config), shards_(config.max_keys) {}

  RateDecision check(const RateKey& key, Time now, double cost);
  void record(const RateKey& key, Time now, double cost);
  size_t tracked() const { return shards_.size(); }

 private:
  Bucket& use(BucketTable& table, const RateKey& key, Time now) {
    table.forget(now - config_.idle_ttl, 2);
    return table.use(key, config_.burst, now);
  }
  // What the bucket holds by now.
  double tokens(const Bucket& bucket, Time now) const {
    const Duration elapsed = now < bucket.last ? Duration::zero() : now - bucket.last;
    return std::min(bucket.tokens + tokens_from(elapsed, config_.rate_per_s), config_.burst);
  }

  const RateLimitConfig config_;
  KeyShards<Tokens> shards_;
};

RateDecision TokenBuckets::check(const RateKey& key, Time now, double cost) {
  auto& shard = shards_.of(key);
  const std::lock_guard lock(shard.mutex);
  Bucket& bucket = use(shard.table, key, now);
  const double full = tokens(bucket, now);
  const double left = full - cost;
  RateDecision decision;
  decision.retry_after = left < 0 ? duration_from(-left, config_.rate_per_s) : Duration::zero();
  decision.allowed = cost <= config_.burst && decision.retry_after <= Duration::zero();
  if (decision.allowed) {
    bucket.last = now;
    bucket.tokens = left;
  }
  const double held = decision.allowed ? left : full;
  decision.remaining = std::floor(std::max(held, 0.0));
  decision.reset_after = duration_from(config_.burst - held, config_.rate_per_s);
  return decision;
}

void TokenBuckets::record(const RateKey& key, Time now, double cost) {
  auto& shard = shards_.of(key);
  const std::lock_guard lock(shard.mutex);
  Bucket& bucket = use(shard.table, key, now);
  bucket.tokens = std::max(0.0, tokens(bucket, now) - cost);
  bucket.last = now;
}

struct RateLimiter::Impl {
  std::optional<TokenBuckets> buckets;
  std::optional<SlidingWindow> window;
};

RateLimiter::RateLimiter(const RateLimitConfig& config) : config_(config), impl_(std::make_unique<Impl>()) {
  RateLimitConfig effective = config;
  if (config.algorithm == RateAlgorithm::sliding_window) {
    effective.idle_ttl = std::max(config.idle_ttl, config.window);
    impl_->window.emplace(effective.count, effective.window, effective.idle_ttl, effective.max_keys);
  } else {
    effective.idle_ttl = std::max(config.idle_ttl, duration_from(config.burst, config.rate_per_s));
    impl_->buckets.emplace(effective);
  }
}

RateLimiter::~RateLimiter() = default;

RateDecision RateLimiter::check(const RateKey& key, Time now, double cost) {
  return impl_->window ? impl_->window->check(key, now, cost) : impl_->buckets->check(key, now, cost);
}

void RateLimiter::record(const RateKey& key, Time now, double cost) {
  impl_->window ? impl_->window->record(key, now, cost) : impl_->buckets->record(key, now, cost);
}

size_t RateLimiter::tracked() const { return impl_->window ? impl_->window->tracked() : impl_->buckets->tracked(); }

}  // namespace tidegate::policy
