// The replayers of one process: one for each queue, and one for its callbacks, on one worker's loop, counting and
// logging what becomes of jobs. A reload gives them other settings and other routes; what runs ends as it began.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/replay/callbacks.h"
#include "core/replay/job_runner.h"
#include "core/worker.h"

namespace tidegate::core {

class Replaying {
 public:
  // For the queues of the worker's table, and by its settings. Worker and its gateway outlive this.
  explicit Replaying(Worker& worker);
  ~Replaying();

  void start();
  // The worker has another table in force.
  void use_table_in_force();
  // The table in force has not that queue any more, and it holds no job that could run.
  void forget(const std::string& queue);
  // Claims nothing more; `done` runs once, later, when what runs has settled.
  void drain(std::function<void()> done);
  // Undoes drain(), whose `done` does not run any more: jobs are claimed again.
  void resume();
  // REQUIRES drain(). The jobs that run are cancelled and deferred, so that it costs them no attempt.
  void cut_off();

 private:
  // Of one queue. What an entry points to is before it.
  struct Replayed {
    QueueState* queue = nullptr;
    std::unique_ptr<CallbackAnnouncer> announcer;
    std::unique_ptr<jobs::Replayer> jobs;
    std::unique_ptr<CallbackRunner> callback_runner;  // where the queue has callbacks; and
    std::unique_ptr<jobs::Replayer> callbacks;
  };

  void add(const std::string& name, QueueState& queue, const config::Queue& config);
  void add_callbacks(const std::string& name, Replayed& replayed, const config::Queue& config);
  std::vector<jobs::Replayer*> replayers() const;

  Worker& worker_;
  GatewayJobRunner runner_;
  std::map<std::string, Replayed> replayed_;
  bool started_ = false;
  size_t draining_left_ = 0;
  uint64_t drain_ = 0;  // which one: what another one has posted does not count
  std::function<void()> drained_;
};

}  // namespace tidegate::core
