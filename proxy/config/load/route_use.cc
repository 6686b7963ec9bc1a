#include "config/load/route_use.h"

#include <algorithm>

namespace tidegate::config {

std::vector<RouteUse> uses_of(const Config& config, const Location& root) {
  std::vector<RouteUse> uses;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    for (size_t j = 0; j < listener.routes.size(); ++j) {
      const Route& route = listener.routes[j];
      const auto* enqueue = route.fallback ? std::get_if<FallbackEnqueue>(&route.fallback->action) : nullptr;
      uses.push_back({listener, route, config.upstreams.at(route.upstream),
                      enqueue ? &config.queues.at(enqueue->queue) : nullptr, root["listeners"][i]["routes"][j]});
    }
  }
  return uses;
}

bool has_jobs(const Listener& listener) {
  return std::any_of(listener.routes.begin(), listener.routes.end(), [](const Route& route) {
    return route.fallback && std::holds_alternative<FallbackEnqueue>(route.fallback->action);
  });
}

UsesByUpstream by_upstream(const std::vector<RouteUse>& uses) {
  UsesByUpstream by_upstream;
  for (const RouteUse& use : uses) by_upstream[&use.upstream].push_back(use);
  return by_upstream;
}

}  // namespace tidegate::config
