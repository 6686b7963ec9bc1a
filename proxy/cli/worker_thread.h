// One worker on its own thread: the event loop, the Worker and, on the first thread, the replayers.
#pragma once

#include <future>
#include <memory>
#include <thread>

#include "core/listeners.h"
#include "core/replay/replaying.h"
#include "core/worker.h"
#include "net/uv/listening_sockets.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

class WorkerThread {
 public:
  // Starts the thread; started() waits until it listens. Gateway and sockets outlive the object.
  WorkerThread(core::Gateway& gateway, net::ListeningSockets& sockets, int index);
  // REQUIRES: stop() was called.
  ~WorkerThread();

  // Blocks until the worker listens or has failed to.
  Status started();
  // A reload: the steps of core/listeners.h, on the worker's loop; `done` is posted to `home`.
  void prepare(std::shared_ptr<const core::RouteTable> table, net::Runtime& home, std::function<void(Status)> done);
  void commit(net::Runtime& home, std::function<void()> done);
  void roll_back(net::Runtime& home, std::function<void()> done);
  // See core::Replaying::forget; only for the first worker. `done` is posted to `home`.
  void forget_queue(const std::string& queue, net::Runtime& home, std::function<void()> done);
  // Starts replaying jobs; only for the first worker.
  void start_replaying();
  // Claims no more jobs; `done` is posted to `home` once those that run have settled. Only for the first worker, as the
  // next two: jobs that run are deferred; jobs are claimed again.
  void drain_jobs(net::Runtime& home, std::function<void()> done);
  void cut_off_jobs();
  void resume_jobs();
  // See core::Listeners; jobs run on.
  void begin_lame_duck();
  // Stops gracefully, then posts `done` to `home`.
  void drain(net::Runtime& home, std::function<void()> done);
  // REQUIRES drain(), whose `done` follows soon: requests in flight are reset, jobs that run are deferred.
  void cut_off();
  // Stops the event loop at once, cancels what is left, and joins the thread.
  void stop();

 private:
  void run(std::promise<Status> listening);
  void measure_lag();

  core::Gateway& gateway_;
  const int index_;
  net::UvRuntime runtime_;
  std::unique_ptr<core::Worker> worker_;        // owned by the thread
  std::unique_ptr<core::Listeners> listeners_;  // owned by the thread
  std::unique_ptr<core::Replaying> replaying_;  // owned by the thread
  std::unique_ptr<net::Timer> lag_timer_;
  Time lag_expected_{};
  std::future<Status> listening_;
  std::thread thread_;
};

}  // namespace tidegate::cli
