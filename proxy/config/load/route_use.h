// The routes of a Config as the checks across sections need them: each with what encloses it.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load/location.h"

namespace tidegate::config {

// Refers to the Config, which must be valid and outlive it.
struct RouteUse {
  const Listener& listener;
  const Route& route;
  const Upstream& upstream;
  const Queue* queue;  // that the route's fallback enqueues to; null: none
  Location at;

  bool has_breaker() const { return route.breaker || upstream.breaker; }
  bool has_bulkhead() const { return route.bulkhead || upstream.bulkhead; }
};

std::vector<RouteUse> uses_of(const Config& config, const Location& root);

// Whether a route of the listener enqueues, so that `jobs_path` is served there.
bool has_jobs(const Listener& listener);

// The uses of each upstream that has any, in their order.
using UsesByUpstream = std::map<const Upstream*, std::vector<RouteUse>>;
UsesByUpstream by_upstream(const std::vector<RouteUse>& uses);

}  // namespace tidegate::config
