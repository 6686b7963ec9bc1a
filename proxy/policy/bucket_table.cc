#include "policy/bucket_table.h"

#include "base/assert.h"

namespace tidegate::policy {

BucketTable::BucketTable(uint32_t keys_max) : keys_max_(keys_max), slots_(16, kNone) {}

Bucket& BucketTable::use(const RateKey& key, double tokens, Time now) {
  const uint32_t slot = find_slot(key);
  if (const uint32_t index = slots_[slot]; index != kNone) {
    if (index != newest_) {
      unlink(index);
      link_newest(index);
    }
    return buckets_[index];
  }
  if (size_ == keys_max_) erase(oldest_);
  uint32_t index = free_;
  if (index != kNone) {
    free_ = buckets_[index].older;
  } else {
    index = static_cast<uint32_t>(buckets_.size());
    buckets_.emplace_back();
  }
  buckets_[index] = {key, tokens, now, kNone, kNone};
  if (++size_ * 2 > slots_.size()) grow();
  insert_slot(index);
  link_newest(index);
  return buckets_[index];
}

void BucketTable::forget(Time before, int count) {
  for (; count > 0 && oldest_ != kNone && buckets_[oldest_].last < before; --count) erase(oldest_);
}

uint32_t BucketTable::find_slot(const RateKey& key) const {
  const auto mask = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t slot = static_cast<uint32_t>(key.low) & mask;
  while (slots_[slot] != kNone && !(buckets_[slots_[slot]].key == key)) slot = (slot + 1) & mask;
  return slot;
}

void BucketTable::insert_slot(uint32_t index) {
  const uint32_t slot = find_slot(buckets_[index].key);
  TG_ASSERT(slots_[slot] == kNone);
  slots_[slot] = index;
}

// Backward-shift deletion (Knuth 6.4, algorithm R): no tombstones.
void BucketTable::erase(uint32_t index) {
  const auto mask = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t hole = find_slot(buckets_[index].key);
  TG_ASSERT(slots_[hole] == index);
  for (uint32_t next = (hole + 1) & mask; slots_[next] != kNone; next = (next + 1) & mask) {
    const uint32_t home = static_cast<uint32_t>(buckets_[slots_[next]].key.low) & mask;
    const bool may_move = ((next - home) & mask) >= ((next - hole) & mask);
    if (!may_move) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole] = kNone;
  unlink(index);
  buckets_[index].older = free_;
  free_ = index;
  --size_;
}

void BucketTable::grow() {
  slots_.assign(slots_.size() * 2, kNone);
  for (uint32_t index = newest_; index != kNone; index = buckets_[index].older) insert_slot(index);
}

void BucketTable::link_newest(uint32_t index) {
  buckets_[index].newer = kNone;
  buckets_[index].older = newest_;
  if (newest_ != kNone) buckets_[newest_].newer = index;
  newest_ = index;
  if (oldest_ == kNone) oldest_ = index;
}

void BucketTable::unlink(uint32_t index) {
  Bucket& bucket = buckets_[index];
  (bucket.newer != kNone ? buckets_[bucket.newer].older : newest_) = bucket.older;
  (bucket.older != kNone ? buckets_[bucket.older].newer : oldest_) = bucket.newer;
}

}  // namespace tidegate::policy
