// The bounds of a run: of all its configurations the loosest.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "config/config.h"
#include "sim/invariants.h"
#include "sim/sim_client.h"

namespace tidegate::sim {

template <typename Of>
auto largest(const Configs& configs, const Of& of) {
  std::invoke_result_t<const Of&, const config::Config&> found{};
  for (const auto& config : configs) found = std::max(found, of(*config));
  return found;
}

// Null: none has that path.
const config::Route* find_route(const config::Config& config, std::string_view path);
std::string_view path_of(const ClientPlan& plan);

// The route's deadline, or the client's shorter one.
Duration deadline_of(const ClientPlan& plan, const Configs& configs);
// Of a job.
int replays_allowed(const Configs& configs);
// Of an idempotent request that is not replayed.
int tries_allowed(const ClientPlan& plan, const Configs& configs);
// At once at upstream `up`. Where a configuration has no bulkhead, the connections are the bound.
int calls_allowed(const Configs& configs);

}  // namespace tidegate::sim
