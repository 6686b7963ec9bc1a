// A whole simulation from one seed: clients, Tidegate (the production gateway, exchange, pool, codec, policies,
// replayer), upstreams with moods, job stores with faults, and a network between them. A run is a schedule of requests,
// reloads, stops and faults from the seed, then recovery, then quiet; then the invariants are checked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/gateway.h"
#include "jobs/sim/queue.h"
#include "net/sim/sim_runtime.h"
#include "sim/invariants.h"
#include "sim/settings.h"
#include "sim/shadow.h"
#include "sim/sim_client.h"
#include "sim/sim_process.h"
#include "sim/sim_tunnel.h"
#include "sim/sim_upstream.h"

namespace tidegate::sim {

// What a run includes. Everything else comes from the seed or is fixed in simulation.cc.
struct Scenario {
  uint64_t seed = 1;
  int clients = 40;
  int tunnels = 8;
  Duration troubles_for = 60s;  // the time in which clients arrive and faults happen
  bool store_faults = true;
  bool network_faults = true;
  bool crashes = true;  // Tidegate itself is killed and restarted
  bool reloads = true;  // … or gets another configuration, or a SIGTERM
  bool tls = false;     // to the upstream, with settings from the seed
};

class Simulation final : private ProcessHost {
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
  SimUpstream& upstream() { return *upstreams_.front(); }
  core::Gateway& gateway() { return process_->gateway(); }
  jobs::SimQueue& store() { return *stores_.front(); }
  SimClient& client(ClientPlan plan);
  void start_tidegate();
  void kill_tidegate();
  void run_for(Duration duration) { runtime_.run_for(duration); }
  const config::Config& config() const { return *config_; }
  // Of a run.
  const SimProcess::Counts& process_counts() const { return counts_; }
  int stops() const { return stops_; }
  int requests_over_a_reload() const { return shadow_.requests_over_a_reload(); }

 private:
  // Everything that happens in a run at a time from the seed.
  void schedule(uint64_t count, const std::function<void()>& event);
  // That begin within so many nanoseconds.
  void schedule_clients(int count, uint64_t within);
  void schedule_tunnels();
  void trouble();
  void reload();
  void stop();
  void heal();
  void settle();
  void use_settings();
  void start_upstreams(size_t count);
  bool renews_limiter(const config::Config& next) const;
  bool is_undisturbed() const;
  void check(Findings& findings);

  std::shared_ptr<jobs::JobQueue> open_store(const std::string& queue) override;
  void on_store_closed(const std::string& queue) override { open_stores_.erase(queue); }
  void on_table_built(const Table& table) override { shadow_.on_built(table); }
  void on_table_in_force(std::shared_ptr<const config::Config> config) override;
  void on_table_replaced(const config::Config& config) override { shadow_.on_replaced(config); }

  const Scenario scenario_;
  Random random_;
  net::SimRuntime runtime_;
  const bool reloads_;
  std::optional<Settings> settings_;              // none: from a YAML text
  std::shared_ptr<const config::Config> config_;  // what the next process begins with
  Shadow shadow_;
  Configs configs_;  // that were in force
  Upstreams upstreams_;
  Stores stores_;  // all that there have been, the first queue's first
  std::map<std::string, std::shared_ptr<jobs::SimQueue>> open_stores_;
  SimProcess::Counts counts_;
  std::unique_ptr<SimProcess> process_;
  Clients clients_;
  Tunnels tunnels_;
  std::vector<std::unique_ptr<net::Timer>> events_;
  size_t kills_ = 0;
  size_t limiter_renewals_ = 0;
  int stops_ = 0;
  int lives_ = 0;
};

}  // namespace tidegate::sim
