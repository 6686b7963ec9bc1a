// The replayers of one process: one for each queue, and one for its callbacks, on one worker's loop, counting and
// logging what becomes of jobs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/replay/callbacks.h"
#include "core/replay/job_runner.h"
#include "core/worker.h"

namespace tidegate::core {

class Replaying {
 public:
  // By the queue settings of the worker's table. Worker and its gateway outlive this.
  explicit Replaying(Worker& worker);
  ~Replaying();

  void start();
  // Claims nothing more; `done` runs once, later, when what runs has settled.
  void drain(std::function<void()> done);
  // REQUIRES drain(). The jobs that run are cancelled and deferred, so that it costs them no attempt.
  void cut_off();

 private:
  void add_callbacks(const std::string& name, QueueState& queue);

  Worker& worker_;
  const std::shared_ptr<const RouteTable> table_;  // whose queue settings the replayers use
  GatewayJobRunner runner_;
  std::vector<std::unique_ptr<CallbackAnnouncer>> announcers_;
  std::vector<std::unique_ptr<CallbackRunner>> callback_runners_;
  std::vector<std::unique_ptr<jobs::Replayer>> replayers_;
  size_t draining_left_ = 0;
  std::function<void()> drained_;
};

}  // namespace tidegate::core
