// Which changes of the configuration a running process can make.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load/changes.h"
#include "config/load/loader.h"
#include "core/routing/policies.h"

namespace tidegate::cli {

// The values by which the stores of queues are opened, once; by path.
using StoreValues = std::map<std::string, config::EffectiveValue>;

// What is read at the start alone.
struct StartValues {
  int workers = 0;
  SocketAddress admin;
  std::string takeover_socket = {};
};

// Of all queues. Any thread; it looks at every value.
StoreValues store_values(const config::Effective& effective);
// Of the queues that `is_wanted` names.
StoreValues of_queues(const StoreValues& values, const std::function<bool(const std::string&)>& is_wanted);

// A configuration that has been loaded, and its store_values().
struct Candidate {
  const config::Config& config;
  const StoreValues& stores;
};

// "3 jobs (2 queued, 1 dead)"; "": none that somebody may still ask for. Of its callbacks, those that are to be sent.
std::string jobs_held(const std::string& name, const core::QueueState& queue);

// Why the queues cannot become those of `next`: one that is open would be another, or a new one has its file. `opened`:
// the values of the open queues, when they were opened.
std::vector<std::string> refuse_queues(const Candidate& next, core::Policies& policies, const StoreValues& opened);

// Of the queues that `next` has not: why one cannot be removed, for what it holds. Appends must have been stopped.
std::vector<std::string> refuse_removals(const config::Config& next, core::Policies& policies);

// The admin interface listens where it did at the start: it must not lose its token there.
std::vector<std::string> refuse_admin(const config::Config& next, const StartValues& start);

// An address of `next` that is none of `ours`, and another process listens there, or nobody can.
std::vector<std::string> refuse_addresses(const std::vector<SocketAddress>& ours, const config::Config& next);

// What of `next` has no effect before a restart.
std::vector<std::string> needing_restart(const Candidate& next, const StartValues& start, core::Policies& policies,
                                         const StoreValues& opened);

}  // namespace tidegate::cli
