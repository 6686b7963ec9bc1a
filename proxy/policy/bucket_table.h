// Token buckets by key, bounded, least recently used first out. Not thread-safe: a shard of RateLimiter.
//
//   slots_  [ 7 | - | 2 | - | … ]      open addressing by key.low, linear probing, at most half full
//             │       │
//   buckets_  ▼       ▼                a slab; free ones are chained
//           [ key tokens last ▪▪ ] …   ▪▪ the list of use: newest ◀──▶ … ◀──▶ oldest
//
// About 56 bytes a key.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "policy/rate_limiter.h"

namespace tidegate::policy {

struct Bucket {
  RateKey key;
  double tokens = 0;
  Time last{};  // when `tokens` was counted
  uint32_t newer = 0, older = 0;
};

class BucketTable {
 public:
  explicit BucketTable(uint32_t keys_max);

  // The key's bucket, made with `tokens` if it is new (the oldest makes room at the bound); now the newest.
  Bucket& use(const RateKey& key, double tokens, Time now);
  // Forgets up to `count` of the oldest that were last used before `before`.
  void forget(Time before, int count);
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kNone = 0xffffffff;

  uint32_t find_slot(const RateKey& key) const;  // of the key, or the empty one where it belongs
  void insert_slot(uint32_t index);
  void erase(uint32_t index);
  void grow();
  void link_newest(uint32_t index);
  void unlink(uint32_t index);

  uint32_t keys_max_;
  uint32_t size_ = 0;
  std::vector<uint32_t> slots_;
  std::vector<Bucket> buckets_;
  uint32_t free_ = kNone;  // chained by `older`
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
};

}  // namespace tidegate::policy
