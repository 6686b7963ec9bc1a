#include "api/store/open_stores.h"

#include "api/store/directory_store.h"
#include "api/store/redis_cache.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

std::unique_ptr<ResultCache> open_cache(net::Runtime& runtime, const Settings& settings) {
  if (!settings.redis) {
    log_info("cache", {{"kind", "memory"}, {"bytes_max", kMemoryCacheBytesMax}});
    return std::make_unique<MemoryCache>(runtime);
  }
  log_info("cache", {{"kind", "redis"}, {"server", settings.redis->shown()}});
  return std::make_unique<RedisCache>(runtime, *settings.redis);
}

}  // namespace

Result<Stores> open_stores(net::Runtime& runtime, const Settings& settings) {
  auto directory = DirectoryStore::open(runtime, settings.state_dir);
  if (!directory) return directory.error();
  log_info("store", {{"kind", "directory"}, {"state_dir", settings.state_dir}});
  return Stores{open_cache(runtime, settings), std::move(*directory)};
}

}  // namespace tidegate::api
