// What of a configuration has no effect on a process that runs, before a restart.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/reload/store_values.h"
#include "config/config.h"
#include "core/routing/policies.h"

namespace tidegate::cli {

// What is read at the start alone.
struct StartValues {
  int workers = 0;
  SocketAddress admin;
  std::string takeover_socket = {};
};

StartValues start_values(const config::Config& config);

// A configuration that has been loaded, and its store_values().
struct Candidate {
  const config::Config& config;
  const StoreValues& stores;
};

struct OpenQueue {
  bool speaks_tls = false;
  bool removed = false;  // from the table in force; it is open until nobody uses it and it holds no job
  // Whether it connects with the files with which it would if it was opened by this.
  std::function<bool(const config::Queue&)> connects_as;
};

// What a process has that runs.
struct Running {
  StartValues start;
  StoreValues opened;  // of the open queues, when they were opened
  std::map<std::string, OpenQueue> queues;
  std::set<std::string> closing = {};  // names of removed ones, which are open until they are closed
};

// Before appends are stopped for the next table. `policies` and what they hold outlive the result.
Running running(const StartValues& start, const StoreValues& opened, core::Policies& policies,
                std::set<std::string> closing);
// One that has been started by the configuration, which outlives the result.
Running started_by(const Candidate& configuration);

// Why a reload is refused that would make another queue of one that is open: the values that say which store it is.
std::vector<StoreDifference> other_stores(const Candidate& next, const Running& running);

// "workers: 2 -> 3"
std::vector<std::string> needing_restart(const Candidate& next, const Running& running);

}  // namespace tidegate::cli
