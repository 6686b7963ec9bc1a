#include "api/cache/near_cache.h"

#include <string>
#include <utility>

#include "api/store/next_iteration.h"

namespace tidegate::api {

NearCache::NearCache(net::Runtime& runtime, std::unique_ptr<ResultCache> far, const NearCacheOptions& options)
    : runtime_(runtime), near_(options.bytes_max, options.ttl), far_(std::move(far)) {}

std::unique_ptr<net::Operation> NearCache::get(std::string_view key, GetCallback done) {
  ObjectPtr found = closed_ ? nullptr : near_.get(key, runtime_.now());
  if (found) return on_next_iteration(runtime_, [done = std::move(done), found = std::move(found)] { done(found); });
  return far_->get(key, [this, name = std::string(key), done = std::move(done)](ObjectPtr object) {
    if (object && !closed_) near_.put(name, object, runtime_.now());
    done(std::move(object));
  });
}

void NearCache::put(std::string_view key, ObjectPtr object) {
  if (!closed_) near_.put(key, object, runtime_.now());
  far_->put(key, std::move(object));
}

void NearCache::close(std::function<void()> done) {
  closed_ = true;
  far_->close(std::move(done));
}

}  // namespace tidegate::api
