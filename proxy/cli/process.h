// A running Tidegate: opens the queues, starts the workers and the admin interface, and stops them in order.
//
//   starting ──all listen──▶ serving ──SIGTERM, SIGINT──▶ draining ──all done, or shutdown_grace──▶ closing ──▶ exit 0
//       │ cannot                                              │ a second signal
//       └──▶ exit 1                                           └──▶ exit at once (1)
#pragma once

#include <memory>
#include <vector>

#include "admin/admin_service.h"
#include "cli/worker_thread.h"
#include "config/config.h"
#include "core/gateway.h"
#include "metrics/metrics.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

class Process {
 public:
  explicit Process(std::shared_ptr<const config::Config> config);
  ~Process();

  // Blocks until the process should exit. Returns the exit code.
  int run();

 private:
  Status start();
  Status check_ports() const;
  Status start_workers();
  void on_signal(const char* name);
  void drain();
  void on_grace_over();
  void close_queues();
  void finish();
  void stop_workers();

  std::shared_ptr<const config::Config> config_;
  net::UvRuntime runtime_;  // admin, signals, breakers, spools
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<admin::AdminService> admin_;
  std::vector<std::unique_ptr<net::Operation>> signals_;
  net::Timer grace_timer_;
  bool draining_ = false;
  bool cut_off_ = false;
  size_t workers_left_ = 0;
  size_t queues_left_ = 0;
};

}  // namespace tidegate::cli
