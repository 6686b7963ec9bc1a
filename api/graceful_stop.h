// The graceful shutdown of the service. Each step is logged:
//
//   begin ─▶ not ready; listener and idle connections closed ─▶ requests finished, results stored ─▶ cache flushed and
//   closed ─▶ object store closed ─▶ done
//
// Requests that do not finish within the grace period are aborted; the other steps follow all the same.
#pragma once

#include <functional>
#include <optional>

#include "api/open_stores.h"
#include "api/service.h"
#include "net/timer.h"

namespace tidegate::api {

class GracefulStop {
 public:
  // The arguments must outlive this object. It destroys the service and the object store.
  GracefulStop(net::Runtime& runtime, std::optional<ApiService>& service, Stores& stores, Duration grace);

  // REQUIRES one call. `done` runs later, once.
  void begin(std::function<void()> done);

 private:
  void on_grace_expired();
  void close_stores();
  void on_cache_closed();

  std::optional<ApiService>& service_;
  Stores& stores_;
  const Duration grace_;
  std::function<void()> done_;
  net::Timer grace_timer_;
};

}  // namespace tidegate::api
