// Jobs that nobody was promised, or that somebody has cancelled, but that the server may have or may still get: each is
// cancelled there once that is possible, and looked for more than once.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

class ServerCancellations {
 public:
  // Both outlive it. `runtime`: the forwarder's loop.
  ServerCancellations(net::Runtime& runtime, JobQueue& server) : runtime_(runtime), server_(server) {}

  // Any thread.
  void add(const std::string& id) { add({id, kChecks, Time{}}); }

  // On the loop: cancels those that are due, one after the other, while the server replies.
  void run();
  void stop() { cancelling_.reset(); }

 private:
  static constexpr int kChecks = 3;  // for a job that was not found
  static constexpr Duration kRecheckDelay = 1s;
  static constexpr size_t kPendingMax = 10'000;

  struct Pending {
    std::string id;
    int checks_left;
    Time due;
  };

  void add(Pending pending);
  void on_cancelled(const Pending& pending, const Status& status);

  net::Runtime& runtime_;
  JobQueue& server_;
  std::mutex mutex_;
  std::deque<Pending> pending_;  // in the order of their time
  OperationPtr cancelling_;
};

}  // namespace tidegate::jobs
