#include "api/store/cache.h"

#include "api/store/next_turn.h"

namespace tidegate::api {

namespace {

constexpr size_t kEntryOverhead = 256;  // list node, table node, key, control block: about

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

std::unique_ptr<net::Operation> MemoryCache::get(std::string_view key, GetCallback done) {
  ObjectPtr found = closed_ ? nullptr : lru_.get(key, runtime_.now());
  return on_next_turn(runtime_, [done = std::move(done), found = std::move(found)] { done(found); });
}

void MemoryCache::put(std::string_view key, ObjectPtr object) {
  if (!closed_) lru_.put(key, std::move(object), runtime_.now());
}

std::unique_ptr<net::Operation> MemoryCache::check(CheckCallback done) {
  return on_next_turn(runtime_, [done = std::move(done)] { done(Ok{}); });
}

void MemoryCache::close(std::function<void()> done) {
  closed_ = true;
  runtime_.post(std::move(done));
}

}  // namespace tidegate::api
