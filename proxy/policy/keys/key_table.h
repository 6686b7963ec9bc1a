// Values by key, bounded, least recently used first out.
//
//   slots_  [ 7 | - | 2 | - | … ]      open addressing by key.low, linear probing, at most half full
//             │       │
//   entries_  ▼       ▼                a slab; free ones are chained
//           [ value key last ▪▪ ] …    ▪▪ the list of use: newest ◀──▶ … ◀──▶ oldest
//
// About 56 bytes a token bucket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/time.h"
#include "policy/keys/rate_key.h"

namespace tidegate::policy {

template <typename Value>
struct Keyed : Value {
  RateKey key{};
  Time last{};  // when something was last counted; the owner sets it
  uint32_t newer = 0, older = 0;
};

// Not thread-safe: a shard of KeyShards.
template <typename Value>
class KeyTable {
 public:
  explicit KeyTable(uint32_t keys_max);

  // The key's entry, made of `fresh` if it is new (the oldest makes room at the bound); now the newest. Valid until the
  // next call.
  Keyed<Value>& use(const RateKey& key, Value fresh, Time now);
  // Deletes up to `count` of the oldest that were last used before `before`.
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
  std::vector<Keyed<Value>> entries_;
  uint32_t free_ = kNone;  // chained by `older`
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
};

// Tables with a lock each, so that threads seldom meet. Small ones are not split: the bound is exact there.
template <typename Value>
class KeyShards {
 public:
  struct Shard {
    std::mutex mutex;
    KeyTable<Value> table{1};
  };

  explicit KeyShards(uint64_t keys_max);
  Shard& of(const RateKey& key) { return shards_[key.high & (count_ - 1)]; }
  size_t size() const;

 private:
  static constexpr uint64_t kShardsMax = 16;
  uint64_t count_ = 1;
  std::unique_ptr<Shard[]> shards_;
};

struct Tokens {
  Tokens(double held = 0) : tokens(held) {}  // NOLINT: implicit by design
  double tokens;                             // at `last`
};
using Bucket = Keyed<Tokens>;
using BucketTable = KeyTable<Tokens>;

template <typename Value>
KeyTable<Value>::KeyTable(uint32_t keys_max) : keys_max_(keys_max), slots_(16, kNone) {}

template <typename Value>
Keyed<Value>& KeyTable<Value>::use(const RateKey& key, Value fresh, Time now) {
  const uint32_t slot = find_slot(key);
  if (const uint32_t index = slots_[slot]; index != kNone) {
    if (index != newest_) {
      unlink(index);
      link_newest(index);
    }
    return entries_[index];
  }
  if (size_ == keys_max_) erase(oldest_);
  uint32_t index = free_;
  if (index != kNone) {
    free_ = entries_[index].older;
  } else {
    index = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  }
  entries_[index] = {std::move(fresh), key, now, kNone, kNone};
  if (++size_ * 2 > slots_.size()) grow();
  insert_slot(index);
  link_newest(index);
  return entries_[index];
}

template <typename Value>
void KeyTable<Value>::forget(Time before, int count) {
  for (; count > 0 && oldest_ != kNone && entries_[oldest_].last < before; --count) erase(oldest_);
}

template <typename Value>
uint32_t KeyTable<Value>::find_slot(const RateKey& key) const {
  const auto mask = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t slot = static_cast<uint32_t>(key.low) & mask;
  while (slots_[slot] != kNone && !(entries_[slots_[slot]].key == key)) slot = (slot + 1) & mask;
  return slot;
}

template <typename Value>
void KeyTable<Value>::insert_slot(uint32_t index) {
  const uint32_t slot = find_slot(entries_[index].key);
  TG_ASSERT(slots_[slot] == kNone);
  slots_[slot] = index;
}

// Backward-shift deletion (Knuth 6.4, algorithm R): no tombstones.
template <typename Value>
void KeyTable<Value>::erase(uint32_t index) {
  const auto mask = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t hole = find_slot(entries_[index].key);
  TG_ASSERT(slots_[hole] == index);
  for (uint32_t next = (hole + 1) & mask; slots_[next] != kNone; next = (next + 1) & mask) {
    const uint32_t home = static_cast<uint32_t>(entries_[slots_[next]].key.low) & mask;
    const bool may_move = ((next - home) & mask) >= ((next - hole) & mask);
    if (!may_move) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole] = kNone;
  unlink(index);
  static_cast<Value&>(entries_[index]) = Value();  // what it holds is freed now
  entries_[index].older = free_;
  free_ = index;
  --size_;
}

template <typename Value>
void KeyTable<Value>::grow() {
  slots_.assign(slots_.size() * 2, kNone);
  for (uint32_t index = newest_; index != kNone; index = entries_[index].older) insert_slot(index);
}

template <typename Value>
void KeyTable<Value>::link_newest(uint32_t index) {
  entries_[index].newer = kNone;
  entries_[index].older = newest_;
  if (newest_ != kNone) entries_[newest_].newer = index;
  newest_ = index;
  if (oldest_ == kNone) oldest_ = index;
}

template <typename Value>
void KeyTable<Value>::unlink(uint32_t index) {
  const Keyed<Value>& entry = entries_[index];
  (entry.newer != kNone ? entries_[entry.newer].older : newest_) = entry.older;
  (entry.older != kNone ? entries_[entry.older].newer : oldest_) = entry.newer;
}

template <typename Value>
KeyShards<Value>::KeyShards(uint64_t keys_max) {
  while (count_ < kShardsMax && keys_max / (count_ * 2) >= 1024) count_ *= 2;
  shards_ = std::make_unique<Shard[]>(count_);
  for (uint64_t i = 0; i < count_; ++i)
    shards_[i].table = KeyTable<Value>(static_cast<uint32_t>(std::min<uint64_t>(keys_max / count_, 1u << 30)));
}

template <typename Value>
size_t KeyShards<Value>::size() const {
  size_t sum = 0;
  for (uint64_t i = 0; i < count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].table.size();
  }
  return sum;
}

}  // namespace tidegate::policy
