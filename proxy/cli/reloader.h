// Loads the configuration again while the process serves. Everything is checked before anything changes.
//
//   idle ──reload()──▶ loading ──▶ opening ──▶ building ──▶ preparing ──all can──▶ committing ──▶ idle: applied
//     ▲                   │           │                         └─ one cannot ─▶ rolling_back ─┐
//     └───── refused ◀────┴───────────┴────────────┴───────────────────────────────────────────┘
//                         (on threads)      the process stops
//   idle ──nobody uses a removed queue──▶ closing_removed ──closed, or it takes long──▶ idle
//
// Loading checks what the configuration says alone, then on the main loop what the process must be able to do. Opening
// opens new queues and makes the series of new names. Building makes the table on the main loop, in steps, between
// which the loop does other things. Preparing opens new listeners on every worker (core/listeners.h), where nothing
// that serves is touched; committing puts the table in force, on each worker between two events of its loop. What began
// before keeps its table. What was in force before is freed on a thread, as it is thousands of small objects.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/reload/reloading.h"
#include "cli/open_queues.h"
#include "cli/reload/background.h"
#include "cli/reload/checks.h"
#include "cli/reload/freeing_thread.h"
#include "cli/reload/own_addresses.h"
#include "cli/reload/removed_queues.h"
#include "cli/reload/table_in_steps.h"
#include "cli/worker_thread.h"
#include "config/load/changes.h"
#include "config/load/loader.h"
#include "core/gateway.h"
#include "net/runtime.h"

namespace tidegate::cli {

class Reloader final : public admin::Reloading {
 public:
  using Workers = std::vector<std::unique_ptr<WorkerThread>>;

  // On the main loop. All outlive the reloader. `file`: as named on the command line. `running`: what that file said at
  // the start.
  Reloader(net::Runtime& runtime, core::Gateway& gateway, const net::ListeningSockets& sockets, Workers& workers,
           std::string file, config::Effective running);
  ~Reloader() override;  // waits for its threads

  void reload(const std::string& trigger, Done done) override;
  const admin::ReloadReport* last() const override { return last_ ? &*last_ : nullptr; }
  // The process drains: what is not in force yet is refused. REQUIRES that the workers still run their loops until
  // their drain ends.
  void stop();
  // It does not drain after all. What would have been loaded meanwhile, is.
  void resume();
  bool under_way() const { return state_ != State::idle; }
  // Waits for the thread that loads or opens and for the one that frees, at most so long for each; false: one hangs, on
  // a disk or a file, and so would the end of this.
  bool ends_within(Duration at_most) const { return background_.ends_within(at_most) && freeing_.ends_within(at_most); }

 private:
  enum class State : uint8_t { idle, loading, opening, building, preparing, committing, rolling_back, closing_removed };
  struct Request {
    std::string trigger;
    Done done;
  };
  struct Loaded {
    config::LoadResult result;
    std::vector<config::Change> changes = {};  // since the configuration in force
    StoreValues stores = {};
  };

  struct Opening {
    Result<std::map<std::string, OpenStores>> queues = std::map<std::string, OpenStores>();
    Result<core::Policies::QueueStores> callbacks = core::Policies::QueueStores();
  };
  struct Garbage {
    config::Effective effective;
    Loaded loaded;
    std::shared_ptr<const core::RouteTable> table;
    std::unique_ptr<Opening> opening;
  };

  void begin();
  void on_thread(std::function<Background::Then()> work);
  Loaded load() const;
  void on_loaded(Loaded loaded);
  void open_queues();
  void on_opened();
  std::vector<std::string> unusable_queues();
  void close_opened();
  void build_table();
  void prepare();
  void on_prepared(const Status& status);
  void roll_back();
  void undo();
  void commit();
  void refuse(std::vector<std::string> errors);
  void finish(bool applied);
  void go_on();
  void close_unused_queues();
  void forget_opened(const std::string& queue);
  bool handover() const { return !start_.takeover_socket.empty(); }

  net::Runtime& runtime_;
  core::Gateway& gateway_;
  Workers& workers_;
  const std::string file_;
  const StartValues start_;
  config::Effective in_force_;
  State state_ = State::idle;
  bool stopped_ = false;
  bool missed_ = false;            // a reload that nobody waits for, since it was stopped
  std::vector<Request> requests_;  // for the next reload
  std::vector<Request> served_;    // by the reload under way
  std::unique_ptr<Opening> opening_;
  FreeingThread freeing_;  // what was in force before
  Loaded loaded_;
  config::Effective replaced_effective_;
  std::unique_ptr<TableInSteps> building_;
  std::shared_ptr<const core::RouteTable> table_;     // that is being prepared
  std::shared_ptr<const core::RouteTable> replaced_;  // while workers commit, so that none of them has to free it
  std::vector<std::string> added_queues_;             // by the reload under way
  std::vector<std::string> added_callbacks_;          // likewise: the queues whose callback store it has opened
  StoreValues opened_;                                // of the open queues
  admin::ReloadReport report_;
  std::optional<admin::ReloadReport> last_;
  size_t workers_left_ = 0;
  size_t closing_left_ = 0;  // stores of a refused reload
  Time begun_at_{};
  OwnAddresses own_addresses_;
  RemovedQueues removed_queues_;
  Background background_;                  // loading and opening: it ends before what it fills
  const std::shared_ptr<Reloader*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::cli
