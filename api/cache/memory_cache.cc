#include "api/cache/memory_cache.h"

#include <utility>

#include "api/store/next_iteration.h"

namespace tidegate::api {

std::unique_ptr<net::Operation> MemoryCache::get(std::string_view key, GetCallback done) {
  ObjectPtr found = closed_ ? nullptr : lru_.get(key, runtime_.now());
  return on_next_iteration(runtime_, [done = std::move(done), found = std::move(found)] { done(found); });
}

void MemoryCache::put(std::string_view key, ObjectPtr object) {
  if (!closed_) lru_.put(key, std::move(object), runtime_.now());
}

std::unique_ptr<net::Operation> MemoryCache::check(CheckCallback done) {
  return on_next_iteration(runtime_, [done = std::move(done)] { done(Ok{}); });
}

void MemoryCache::close(std::function<void()> done) {
  closed_ = true;
  runtime_.post(std::move(done));
}

}  // namespace tidegate::api
