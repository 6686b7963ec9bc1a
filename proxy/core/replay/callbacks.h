// Completion webhooks: a route's callback is notified when a job has ended.
//
//   JobRun: the job is about to end ──append──▶ callbacks' own store ──claim──▶ CallbackRunner
//     └── then settles it                                                          │ finds the job's record
//                                             not ended yet: given back ◀──────────┤
//                                             overtaken by another attempt, or gone: nothing to send
//                                                                                  └─▶ POST, signed; 2xx: delivered
//
// A callback is a job of its own, in a local store of its own next to the queue's: it never blocks the job, and has the
// queue's retries, back-off and dead letters. It names the job, the job's idempotency key and the attempt that ended
// it, nothing more: URL and secret are taken from the configuration when it is sent, so that no store has a
// secret. 410 ends it at once. Redirects are not followed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/worker.h"
#include "jobs/replay/replayer.h"

namespace tidegate::core {

// Appends the callback of a job that is about to end.
class CallbackAnnouncer final : public jobs::EndAnnouncer {
 public:
  // Worker and queue outlive this.
  CallbackAnnouncer(Worker& worker, QueueState& queue, const config::Queue& config)
      : worker_(worker), queue_(queue), config_(config), store_(queue.callbacks.get()) {}

  // For the callbacks of ends from now on. A table in force needs the stores that the queue has.
  void reconfigure(const config::Queue& config) {
    config_ = config;
    store_ = queue_.callbacks.get();
  }

  bool wants(const jobs::ClaimedJob& job) override;
  jobs::OperationPtr announce(const jobs::ClaimedJob& job, jobs::JobEvent end, int calls_before,
                              jobs::Callback<Ok> done) override;
  void lost(const jobs::ClaimedJob& job, jobs::JobEvent end, const std::string& reason) override;

 private:
  Worker& worker_;
  QueueState& queue_;
  config::Queue config_;
  jobs::JobQueue* store_;  // null: no route of the queue has a callback
};

// Delivers callbacks.
class CallbackRunner final : public jobs::JobRunner {
 public:
  static constexpr Duration kTimeout = 15s;  // for one delivery

  CallbackRunner(Worker& worker, QueueState& queue) : worker_(worker), queue_(queue) {}

  // Neither breaker nor bulkhead: those are the upstream's.
  jobs::JobRoutePtr route_of(const std::string& name) override;
  std::vector<std::string> routes_of(const jobs::JobQueue& queue) override;
  std::unique_ptr<net::Operation> run(jobs::JobRoutePtr route, const jobs::ClaimedJob& job,
                                      std::shared_ptr<net::BodyReader> body, const jobs::RunLimits& limits,
                                      jobs::RunCallbacks callbacks) override;

 private:
  Worker& worker_;
  QueueState& queue_;
};

}  // namespace tidegate::core
