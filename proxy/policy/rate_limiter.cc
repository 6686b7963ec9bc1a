#include "policy/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "policy/bucket_table.h"

namespace tidegate::policy {

namespace {

constexpr uint64_t kShardsMax = 16;

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

uint64_t mix(uint64_t a, uint64_t b) {
  // One round of murmur3's finalizer over the two: keyed by the secret in `a` from the start.
  uint64_t h = a ^ (b * 0x9e3779b97f4a7c15);
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace

RateKeyBuilder::RateKeyBuilder(uint64_t secret) : high_(mix(secret, 1)), low_(mix(secret, 2)) {}

void RateKeyBuilder::add(std::string_view part) {
  const size_t length = part.size();
  while (!part.empty()) {
    uint64_t word = 0;
    const size_t count = std::min<size_t>(part.size(), 8);
    std::memcpy(&word, part.data(), count);
    high_ = mix(high_, word);
    low_ = mix(low_, ~word);
    part.remove_prefix(count);
  }
  high_ = mix(high_, length + 0x100);
  low_ = mix(low_, length + 0x200);
}

void RateKeyBuilder::add(const IpAddress& client, int ipv6_prefix_bits) {
  const IpAddress key = client.v6 ? client.masked(ipv6_prefix_bits) : client;
  add(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), key.v6 ? 16 : 4));
}

RateKey RateKeyBuilder::key() const { return {high_, low_}; }

struct RateLimiter::Shard {
  std::mutex mutex;
  BucketTable table{1};
};

RateLimiter::RateLimiter(const RateLimitConfig& config) : config_(config) {
  config_.idle_ttl = std::max(config_.idle_ttl, duration_from(config_.burst, config_.rate_per_s));
  // Small tables are not split: the bound is exact there.
  while (shard_count_ < kShardsMax && config_.max_keys / (shard_count_ * 2) >= 1024) shard_count_ *= 2;
  shards_ = std::make_unique<Shard[]>(shard_count_);
  for (uint64_t i = 0; i < shard_count_; ++i) {
    shards_[i].table =
        BucketTable(static_cast<uint32_t>(std::min<uint64_t>(config_.max_keys / shard_count_, 1u << 30)));
  }
}

RateLimiter::~RateLimiter() = default;

RateDecision RateLimiter::check(const RateKey& key, Time now, double cost) {
  Shard& shard = shards_[key.high & (shard_count_ - 1)];
  const std::lock_guard lock(shard.mutex);
  shard.table.forget(now - config_.idle_ttl, 2);
  Bucket& bucket = shard.table.use(key, config_.burst, now);
  const Duration elapsed = now < bucket.last ? Duration::zero() : now - bucket.last;
  const double full = std::min(bucket.tokens + tokens_from(elapsed, config_.rate_per_s), config_.burst);
  const double left = full - cost;
  RateDecision decision;
  decision.retry_after = left < 0 ? duration_from(-left, config_.rate_per_s) : Duration::zero();
  decision.allowed = cost <= config_.burst && decision.retry_after <= Duration::zero();
  if (decision.allowed) {
    bucket.last = now;
    bucket.tokens = left;
  }
  const double tokens = decision.allowed ? left : full;
  decision.remaining = std::floor(std::max(tokens, 0.0));
  decision.reset_after = duration_from(config_.burst - tokens, config_.rate_per_s);
  return decision;
}

size_t RateLimiter::tracked() const {
  size_t sum = 0;
  for (uint64_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].table.size();
  }
  return sum;
}

}  // namespace tidegate::policy
