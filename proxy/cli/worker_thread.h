// One worker on a thread of its own: the loop, the Worker and, on the first one, the replayers.
#pragma once

#include <future>
#include <memory>
#include <thread>

#include "core/gateway.h"
#include "core/replay/replaying.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

class WorkerThread {
 public:
  // Starts the thread; started() tells when it listens. The gateway outlives this.
  WorkerThread(core::Gateway& gateway, int index, int count);
  // REQUIRES stop() before.
  ~WorkerThread();

  // Blocks until the worker listens, or cannot.
  Status started();
  // Begins to replay jobs; on the first worker only.
  void start_replaying();
  // Graceful end; `done` is posted to `home`.
  void drain(net::Runtime& home, std::function<void()> done);
  // Ends the loop at once, cancelling what is left, and joins the thread.
  void stop();

 private:
  void run(std::promise<Status> listening);
  void measure_lag();

  core::Gateway& gateway_;
  const int index_;
  const int count_;
  net::UvRuntime runtime_;
  std::unique_ptr<core::Worker> worker_;        // the thread's own
  std::unique_ptr<core::Replaying> replaying_;  // the thread's own
  std::unique_ptr<net::Timer> lag_timer_;
  Time lag_expected_{};
  std::future<Status> listening_;
  std::thread thread_;
};

}  // namespace tidegate::cli
