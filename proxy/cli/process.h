// A running Tidegate: opens the queues, starts the workers and the admin interface, and stops them in order.
//
//                                      ┌──a listener has a lame_duck──▶ lame_duck ──the longest is over, or a signal──┐
//                                      │                                                                              ▼
//   starting ──all listen──▶ serving ──SIGTERM, SIGINT──▶ draining ◀──────────────────────────────────────────────────┘
//       │ cannot                                              ├──shutdown_grace──▶ cut_off ──all done, or 4 s──┐
//       └──▶ exit 1                                           └──all done──▶ closing ◀─────────────────────────┘
//                                                                               └──queues closed──▶ exit 0
//   serving ──another process has taken over (handover/handover.h)──▶ draining
//   A signal in draining, cut_off or closing: exit at once (1), but for the first one after a takeover.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_service.h"
#include "cli/handover/handover.h"
#include "cli/handover/inheritance.h"
#include "cli/reloader.h"
#include "cli/worker_thread.h"
#include "config/load/loader.h"
#include "core/gateway.h"
#include "metrics/metrics.h"
#include "net/file_state.h"
#include "net/uv/listening_sockets.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

// The configuration's.
struct ConfigFile {
  std::string path;                     // as named on the command line
  std::optional<net::FileState> state;  // before it was read
};

class Process {
 public:
  // `loaded`: what the file says, without errors; `activated`: from the service manager; `takes_over`: from the process
  // that serves with that configuration, if there is one.
  Process(ConfigFile file, config::LoadResult loaded, std::vector<ActivatedSocket> activated, bool takes_over);
  ~Process();

  // Blocks until the process should exit. Returns the exit code.
  int run();

 private:
  enum class State : uint8_t { starting, serving, lame_duck, draining, cut_off, closing };

  Status start();
  Status allow_takeover();
  void on_handed_over(const std::vector<SocketAddress>& taken);
  Status start_workers();
  void log_listening(const std::string& listener, const SocketAddress& configured) const;
  void watch_config();
  void on_signal(const char* name);
  void begin_stop();
  void begin_lame_duck(Duration longest);
  void drain();
  void on_time_over();
  void cut_off();
  void close_queues();
  void finish();
  void stop_workers();
  Duration shutdown_grace() const { return gateway_->table()->config().shutdown_grace; }

  const ConfigFile file_;
  const std::shared_ptr<const config::Config> config_;  // at the start
  config::Effective effective_;                         // until the reloader has it
  net::ListeningSockets sockets_;
  net::UvRuntime runtime_;  // admin, signals, breakers, spools
  Inheritance inheritance_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<admin::AdminService> admin_;
  std::vector<std::unique_ptr<net::Operation>> signals_;
  std::unique_ptr<net::Operation> config_watch_;
  std::unique_ptr<Handover> handover_;  // to the process after; null: not configured
  net::Timer timer_;                    // of the lame duck, shutdown_grace, and what is left after a cut-off
  State state_ = State::starting;
  const char* stop_signal_ = "";
  bool told_to_stop_ = false;  // by a signal
  size_t workers_left_ = 0;
  size_t queues_left_ = 0;
};

}  // namespace tidegate::cli
