#include "api/cache/lru_cache.h"

#include <iterator>
#include <utility>

namespace tidegate::api {

namespace {

constexpr size_t kEntryOverhead = 256;  // list node, map node, key and control block, roughly

}  // namespace

size_t LruCache::cost(const Entry& entry) { return entry.object->bytes.size() + kEntryOverhead; }

void LruCache::drop(Order::iterator entry) {
  bytes_ -= cost(*entry);
  entries_.erase(entry->key);
  order_.erase(entry);
}

ObjectPtr LruCache::get(std::string_view key, Time now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  const Order::iterator entry = found->second;
  if (now >= entry->expires_at) {
    drop(entry);
    return nullptr;
  }
  order_.splice(order_.begin(), order_, entry);
  return entry->object;
}

void LruCache::put(std::string_view key, ObjectPtr object, Time now) {
  if (const auto found = entries_.find(key); found != entries_.end()) drop(found->second);
  Entry made{std::string(key), std::move(object), now + ttl_};
  if (cost(made) > bytes_max_) return;
  while (bytes_ + cost(made) > bytes_max_) drop(std::prev(order_.end()));
  bytes_ += cost(made);
  order_.push_front(std::move(made));
  entries_.emplace(order_.front().key, order_.begin());
}

}  // namespace tidegate::api
