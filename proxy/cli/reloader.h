// Loads the configuration again while the process serves. Everything is checked before anything changes.
//
//   idle ──reload()──▶ loading ──▶ preparing ──every worker can──▶ committing ──▶ idle: applied
//     ▲   (a thread)      │           └── one cannot ──▶ rolling_back ──┐
//     └───── refused ◀────┴─────────────────────────────────────────────┘
//
// Loading checks what the configuration says alone, then on the main loop what the process must be able to do. New
// queues are opened and the table is built there too. Preparing opens new listeners on every worker (core/listeners.h),
// where nothing that serves is touched; committing puts the table in force, on each worker between two events of its
// loop. What began before keeps its table.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/reload/reloading.h"
#include "cli/reload/checks.h"
#include "cli/worker_thread.h"
#include "config/load/changes.h"
#include "config/load/loader.h"
#include "core/gateway.h"
#include "net/runtime.h"

namespace tidegate::cli {

// By the level and format of the configuration.
void configure_log(const config::Log& log);
void log_warnings(const std::vector<config::Diagnostic>& warnings);

class Reloader final : public admin::Reloading {
 public:
  using Workers = std::vector<std::unique_ptr<WorkerThread>>;

  // On the main loop. All outlive the reloader. `file`: as named on the command line. `running`: what that file said at
  // the start.
  Reloader(net::Runtime& runtime, core::Gateway& gateway, Workers& workers, std::string file,
           config::Effective running);
  ~Reloader() override;  // waits for what is being loaded

  void reload(const std::string& trigger, Done done) override;
  const admin::ReloadReport* last() const override { return last_ ? &*last_ : nullptr; }
  // The process drains: what is not in force yet is refused. REQUIRES that the workers still run their loops until
  // their drain ends.
  void stop();

 private:
  enum class State : uint8_t { idle, loading, preparing, committing, rolling_back };
  struct Request {
    std::string trigger;
    Done done;
  };
  struct Left {
    SocketAddress address;
    Time at;
  };
  struct Loaded {
    config::LoadResult result;
    std::vector<config::Change> changes = {};  // since the configuration in force
    StoreValues stores = {};
  };

  void begin();
  void load();
  void on_loaded(Loaded loaded);
  Status open_queues();
  void close_opened();
  void take_appends_of(const config::Config& config);
  void prepare();
  void on_prepared(const Status& status);
  void roll_back();
  void commit();
  void refuse(std::vector<std::string> errors);
  void finish(bool applied);
  std::vector<SocketAddress> listening_addresses();

  net::Runtime& runtime_;
  core::Gateway& gateway_;
  Workers& workers_;
  const std::string file_;
  const StartValues start_;
  config::Effective in_force_;
  State state_ = State::idle;
  bool stopped_ = false;
  std::vector<Request> requests_;  // for the next reload
  std::vector<Request> served_;    // by the reload under way
  std::thread loading_;
  Loaded loaded_;
  std::shared_ptr<const core::RouteTable> table_;     // that is being prepared
  std::shared_ptr<const core::RouteTable> replaced_;  // while workers commit, so that none of them has to free it
  std::vector<std::string> added_queues_;             // by the reload under way
  StoreValues opened_;                                // of the open queues
  std::vector<Left> left_;                            // listeners that are being closed
  admin::ReloadReport report_;
  std::optional<admin::ReloadReport> last_;
  size_t workers_left_ = 0;
  Time begun_at_{};
  const std::shared_ptr<Reloader*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::cli
