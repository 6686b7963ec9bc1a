// A whole simulation from one seed: clients, Tidegate (the production gateway, exchange, pool, codec, policies,
// replayer), an upstream with moods, a job store with faults, and a network between them. A run is a schedule of
// requests and faults from the seed, then recovery, then quiet; then the invariants are checked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/gateway.h"
#include "core/listeners.h"
#include "core/replay/replaying.h"
#include "jobs/sim/queue.h"
#include "metrics/metrics.h"
#include "net/sim/sim_runtime.h"
#include "sim/sim_client.h"
#include "sim/sim_upstream.h"

namespace tidegate::sim {

// What a run includes. Everything else comes from the seed or is fixed in simulation.cc.
struct Scenario {
  uint64_t seed = 1;
  int clients = 40;
  Duration troubles_for = 60s;  // the time in which clients arrive and faults happen
  bool store_faults = true;
  bool network_faults = true;
  bool crashes = true;  // Tidegate itself is killed and restarted
};

class Simulation {
 public:
  // With settings from the seed.
  explicit Simulation(const Scenario& scenario);
  // With the settings of a YAML text; its first upstream, first listener and first queue are used.
  Simulation(const Scenario& scenario, const std::string& yaml);
  ~Simulation();

  // Performs the run. Returns one sentence per violated invariant.
  std::vector<std::string> run();
  uint64_t trace_hash() const { return runtime_.trace_hash(); }

  // For scenarios written by hand.
  net::SimRuntime& runtime() { return runtime_; }
  SimUpstream& upstream() { return *upstream_; }
  core::Gateway& gateway() { return *gateway_; }
  jobs::SimQueue& store() { return *store_; }
  SimClient& client(ClientPlan plan);
  void start_tidegate();
  void kill_tidegate();
  void run_for(Duration duration) { runtime_.run_for(duration); }
  const config::Config& config() const { return *config_; }

 private:
  void end_tidegate();
  void schedule_clients();
  void schedule_troubles();
  void trouble();
  void heal();
  void settle();
  const SocketAddress& listener() const { return config_->listeners[0].address; }

  Scenario scenario_;
  Random random_;
  net::SimRuntime runtime_;
  std::shared_ptr<const config::Config> config_;
  SocketAddress upstream_address_;
  std::string queue_name_;
  std::unique_ptr<SimUpstream> upstream_;
  std::shared_ptr<jobs::SimQueue> store_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::unique_ptr<core::Worker> worker_;
  std::unique_ptr<core::Listeners> listeners_;
  std::unique_ptr<core::Replaying> replaying_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<std::unique_ptr<net::Timer>> events_;
  size_t kills_ = 0;
  int lives_ = 0;
};

}  // namespace tidegate::sim
