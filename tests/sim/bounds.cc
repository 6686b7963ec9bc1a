#include "sim/bounds.h"

namespace tidegate::sim {

const config::Route* find_route(const config::Config& config, std::string_view path) {
  for (const config::Listener& listener : config.listeners) {
    for (const config::Route& route : listener.routes) {
      if (path == route.match.path) return &route;
    }
  }
  return nullptr;
}

std::string_view path_of(const ClientPlan& plan) {
  return std::string_view(plan.target).substr(0, plan.target.find('?'));
}

Duration deadline_of(const ClientPlan& plan, const Configs& configs) {
  const Duration total = largest(configs, [&](const config::Config& config) {
    const config::Route* route = find_route(config, path_of(plan));
    return route ? route->timeout.total : Duration::zero();
  });
  return plan.timeout ? std::min(total, *plan.timeout) : total;
}

int replays_allowed(const Configs& configs) {
  return largest(configs, [](const config::Config& config) {
    int most = 0;
    for (const auto& [name, queue] : config.queues) most = std::max(most, queue.replay.max_attempts);
    return most;
  });
}

int tries_allowed(const ClientPlan& plan, const Configs& configs) {
  return largest(configs, [&](const config::Config& config) {
    const config::Route* route = find_route(config, path_of(plan));
    return route ? route->retry.max_attempts : 0;
  });
}

int calls_allowed(const Configs& configs) {
  const auto has_bulkhead = [](const auto& config) { return config->upstreams.at("up").bulkhead.has_value(); };
  const bool all = std::all_of(configs.begin(), configs.end(), has_bulkhead);
  return largest(configs, [&](const config::Config& config) {
    const config::Upstream& up = config.upstreams.at("up");
    return all ? up.bulkhead->max_concurrent : up.max_connections;
  });
}

}  // namespace tidegate::sim
