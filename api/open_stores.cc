#include "api/open_stores.h"

#include <algorithm>

#include "api/cache/memory_cache.h"
#include "api/cache/near_cache.h"
#include "api/cache/redis_cache.h"
#include "api/store/directory/directory_store.h"
#include "api/store/guarded_store.h"
#include "api/store/s3/s3_store.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

std::unique_ptr<ResultCache> open_cache(net::Runtime& runtime, const Settings& settings) {
  if (!settings.redis) {
    log_info("cache", {{"kind", "memory"}, {"bytes_max", kMemoryCacheBytesMax}});
    return std::make_unique<MemoryCache>(runtime);
  }
  log_info("cache", {{"kind", "redis"}, {"server", settings.redis->shown()}});
  RedisCacheOptions options;
  options.tls = net::make_tls_server(settings.redis->tls, net::TlsContext::Alpn::none);
  return std::make_unique<NearCache>(runtime, std::make_unique<RedisCache>(runtime, *settings.redis, options));
}

Result<std::unique_ptr<ObjectStore>> open_objects(net::UvRuntime& runtime, const Settings& settings) {
  if (!settings.s3) {
    log_info("store", {{"kind", "directory"}, {"state_dir", settings.state_dir}});
    auto directory = DirectoryStore::open(runtime, settings.state_dir);
    if (!directory) return directory.error();
    return std::unique_ptr<ObjectStore>(std::move(*directory));
  }
  log_info("store", {{"kind", "s3"}, {"server", settings.s3->endpoint}, {"bucket", settings.s3->bucket}});
  S3StoreOptions options;
  options.object_bytes_max = std::max<size_t>(options.object_bytes_max, 2 * settings.max_upload);
  options.limits.ca_file = settings.ca_file;
  auto s3 = S3Store::open(runtime, *settings.s3, options);
  if (!s3) return s3.error();
  GuardedStoreOptions guard;
  guard.seed = runtime.random().next();
  return std::unique_ptr<ObjectStore>(std::make_unique<GuardedStore>(runtime, std::move(*s3), guard));
}

}  // namespace

Result<Stores> open_stores(net::UvRuntime& runtime, const Settings& settings) {
  auto objects = open_objects(runtime, settings);
  if (!objects) return objects.error();
  return Stores{open_cache(runtime, settings), std::move(*objects)};
}

}  // namespace tidegate::api
