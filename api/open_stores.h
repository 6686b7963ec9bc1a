// Opens the cache and the object store that the settings select, and logs which they are, without secrets.
#pragma once

#include <memory>

#include "api/cache/result_cache.h"
#include "api/settings.h"
#include "api/store/object_store.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::api {

struct Stores {
  std::unique_ptr<ResultCache> cache;
  std::unique_ptr<ObjectStore> objects;
};

// Errors: io (STATE_DIR cannot be used), invalid (libcurl would block the event loop). An unavailable server is not an
// error: it is used once it responds. The runtime must outlive the stores.
Result<Stores> open_stores(net::UvRuntime& runtime, const Settings& settings);

}  // namespace tidegate::api
