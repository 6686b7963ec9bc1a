// One queue as all workers share it: its store, who waits for the end of its jobs, and what they are counted on. Owned
// by Policies. Workers' loops use it concurrently: the store and the events are thread-safe. The pointers are set when
// the stores are opened, on the main loop: before a table that needs them is in force.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/routing/job_events.h"
#include "core/routing/refusal_log.h"
#include "jobs/job_queue.h"
#include "jobs/replay/replayer.h"
#include "metrics/metrics.h"
#include "policy/plan.h"

namespace tidegate::core {

struct QueueState final : policy::ProbeSource {
  bool wants_probe() const override {
    const jobs::Replayer* working = replayer;
    return working && working->wants_probe();
  }

  std::shared_ptr<jobs::JobQueue> queue;
  metrics::QueueMetrics* metrics = nullptr;
  RefusalLog refusals;
  // Where a route of this queue has a callback: the callbacks' own store and metrics (queue="NAME.callbacks").
  std::shared_ptr<jobs::JobQueue> callbacks;
  metrics::QueueMetrics* callback_metrics = nullptr;
  JobEvents events;
  std::weak_ptr<const void> held;  // of Policies::hold(); the main loop's
  // A table in force has, or had, the queue. Until then nobody is shown it: the reload that opens it may be refused.
  // The main loop's.
  bool was_in_force = false;
  // A reload removes the queue, once it holds no job: it takes none any more, whatever the table of a request says.
  std::atomic<bool> closing{false};
  std::atomic<int> appends{0};                           // under way
  std::atomic<const jobs::Replayer*> replayer{nullptr};  // while replay runs; for the drain rate
};

// An append under way; false: the queue takes no jobs any more. Who sets `closing` and then finds no append under
// way will see all jobs.
class AppendPermit {
 public:
  explicit AppendPermit(QueueState& queue) : queue_(queue) { ++queue_.appends; }
  ~AppendPermit() { --queue_.appends; }
  AppendPermit(const AppendPermit&) = delete;
  AppendPermit& operator=(const AppendPermit&) = delete;
  explicit operator bool() const { return !queue_.closing; }

 private:
  QueueState& queue_;
};

// The name of a queue's callbacks, in metrics, status and logs.
inline std::string callbacks_name(const std::string& queue) { return queue + ".callbacks"; }

}  // namespace tidegate::core
