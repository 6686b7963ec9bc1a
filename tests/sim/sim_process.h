// One Tidegate process in the simulation: gateway and workers, each with the delays of a thread of its own, and the
// steps of a reload and of an end as proxy/cli makes them.
//
//   serving ──stop()──▶ lame_duck ──▶ draining ──the grace is over──▶ cut_off ──▶ ended
//      └───────────stop()────────────────▲ └─────────────all done─────────────────▲
//   In serving a reload:  idle ──▶ preparing ──each worker could──▶ committing ──▶ idle
//                                      └──its fate, a stop, a removed queue has jobs──▶ rolling_back ──▶ idle
//
// Destroying it is kill -9.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/config.h"
#include "core/gateway.h"
#include "metrics/metrics.h"
#include "net/sim/sim_runtime.h"
#include "net/timer.h"

namespace tidegate::sim {

// What is around the processes, and outlives them.
class ProcessHost {
 public:
  using Table = std::shared_ptr<const core::RouteTable>;

  virtual std::shared_ptr<jobs::JobQueue> open_store(const std::string& queue) = 0;
  virtual void on_store_closed(const std::string& queue) = 0;
  virtual void on_table_built(const Table& table) = 0;
  // From now on a worker may use it; or none does for what begins.
  virtual void on_table_in_force(std::shared_ptr<const config::Config> config) = 0;
  virtual void on_table_replaced(const config::Config& config) = 0;

 protected:
  ~ProcessHost() = default;
};

class SimProcess {
 public:
  // How far a reload comes.
  enum class Fate : uint8_t { applied, refused_when_built, refused_by_a_worker };
  struct Counts {
    int applied = 0, refused = 0, rolled_back = 0, cut_off = 0;
  };

  // Serves and replays at once. `counts`: of all processes. Runtime, host and counts outlive it.
  SimProcess(net::SimRuntime& runtime, ProcessHost& host, std::shared_ptr<const config::Config> config, size_t workers,
             uint64_t seed, Counts& counts);
  ~SimProcess();

  // Like SIGHUP, but ignored while another is under way, and once the process stops. `committed`: it will be in force.
  void reload(std::shared_ptr<const config::Config> config, Fate fate, std::function<void()> committed);
  // Like SIGTERM. `ended` runs once, later, and may destroy this.
  void stop(std::function<void()> ended);
  bool stops() const { return state_ != State::serving; }

  core::Gateway& gateway() { return *gateway_; }
  metrics::Metrics& metrics() { return *metrics_; }

 private:
  enum class State : uint8_t { serving, lame_duck, draining, cut_off, ended };
  enum class Reload : uint8_t { idle, preparing, committing, rolling_back };
  class Thread;

  bool refuses_removals() const;
  void open_new_stores();
  void close_added();
  void on_prepared();
  void commit();
  void roll_back();
  void end_roll_back();
  void on_time_over();
  void drain();
  void cut_off();
  void end();

  net::SimRuntime& runtime_;
  ProcessHost& host_;
  Random random_;
  Counts& counts_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::vector<std::unique_ptr<Thread>> threads_;
  State state_ = State::serving;
  Reload reload_ = Reload::idle;
  std::shared_ptr<const config::Config> next_;
  ProcessHost::Table table_;     // of next_
  ProcessHost::Table replaced_;  // while workers commit
  Fate fate_ = Fate::applied;
  std::vector<std::string> added_queues_;
  std::function<void()> committed_;
  size_t threads_left_ = 0;  // of the reload's step
  size_t drains_left_ = 0;
  net::Timer timer_;  // of the lame duck, the grace, the cut-off
  std::function<void()> ended_;
};

}  // namespace tidegate::sim
