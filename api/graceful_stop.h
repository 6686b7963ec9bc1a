// The end of the service, step by step, each with a line in the log:
//
//   begin ─▶ not ready; listener and idle connections closed ─▶ what runs is finished, and stored ─▶ cache flushed and
//   closed ─▶ object store closed ─▶ done
//
// What is not finished within the grace is cut off; the rest follows all the same.
#pragma once

#include <functional>
#include <optional>

#include "api/service.h"
#include "api/store/open_stores.h"
#include "net/timer.h"

namespace tidegate::api {

class GracefulStop {
 public:
  // All outlive this. The service and the object store are destroyed on the way.
  GracefulStop(net::Runtime& runtime, std::optional<ApiService>& service, Stores& stores, Duration grace);

  // Once; `done` runs later, once.
  void begin(std::function<void()> done);

 private:
  void on_grace_over();
  void close_stores();
  void on_cache_closed();

  std::optional<ApiService>& service_;
  Stores& stores_;
  const Duration grace_;
  std::function<void()> done_;
  net::Timer grace_timer_;
};

}  // namespace tidegate::api
