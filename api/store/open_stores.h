// Which cache and which object store there are, by the settings. The log says what is used; never a secret.
#pragma once

#include <memory>

#include "api/settings.h"
#include "api/store/cache.h"
#include "api/store/object_store.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::api {

struct Stores {
  std::unique_ptr<ResultCache> cache;
  std::unique_ptr<ObjectStore> objects;
};

// Errors: io, of a STATE_DIR that cannot be used; invalid, of a libcurl that would block the loop. A server that is
// away is no error: it is used when it comes. The runtime outlives the stores.
Result<Stores> open_stores(net::UvRuntime& runtime, const Settings& settings);

}  // namespace tidegate::api
