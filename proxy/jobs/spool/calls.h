// The calls of a spooled queue that ask more than one store: see spooled_queue.h.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "jobs/job_queue.h"
#include "jobs/sqlite/queue.h"
#include "net/timer.h"

namespace tidegate::jobs {

class SpoolForwarder;

// Jobs in the spool that are on their way to the server.
uint64_t spool_open_jobs(const QueueView& spool);
// A job that the forwarder holds is, to everybody else, queued.
Callback<JobRecord> as_waiting(Callback<JobRecord> done);

// Several calls, one after the other, as one operation.
class Steps final : public net::Operation {
 public:
  OperationPtr now;
};

// Asks `here`; where it knows nothing of the job, `there`. A server that is away does not hide that the spool knew
// nothing: its error is the answer.
template <typename T>
OperationPtr first_here_then_there(std::function<OperationPtr(Callback<T>)> here,
                                   std::function<OperationPtr(Callback<T>)> there, Callback<T> done) {
  auto steps = std::make_unique<Steps>();
  Steps* raw = steps.get();
  raw->now = here([raw, there = std::move(there), done = std::move(done)](Result<T> answer) {
    if (answer.ok() || answer.error().code != ErrorCode::not_found) return done(std::move(answer));
    const auto first = std::exchange(raw->now, nullptr);  // this is its callback
    raw->now = there(done);
  });
  return steps;
}

// An append that the server is asked for first where it is well, and the spool where it fails or has no word within
// kPatience.
//
//   asking server ──ok, full, key taken──▶ answered
//        │ error, or no word in time
//        └──▶ asking spool ──▶ answered       (the server's late word is of no interest: it is one id)
class SpooledAppend final : public net::Operation {
 public:
  static constexpr Duration kPatience = 1s;

  static OperationPtr begin(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                            JobDraft draft, bool ask_server, Callback<Appended> done);
  SpooledAppend(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder, JobDraft draft,
                Callback<Appended> done);
  ~SpooledAppend() override;

 private:
  // The server's call. It outlives its SpooledAppend where the spool has taken over: dropped, it would be undone.
  struct ServerCall {
    SpooledAppend* owner = nullptr;
    OperationPtr operation;
  };

  void ask_server();
  void on_server(Result<Appended> appended);
  void ask_spool();
  void give_up_on_server(const std::string& why);
  void on_spool(Result<Appended> appended);

  net::Runtime& home_;
  JobQueue& server_;
  SqliteSpool& spool_;
  SpoolForwarder& forwarder_;
  JobDraft draft_;
  Callback<Appended> done_;
  std::shared_ptr<ServerCall> at_server_;
  OperationPtr at_spool_;
  net::Timer patience_;
};

// A cancel while the spool holds something.
class SpooledCancel final : public net::Operation {
 public:
  static OperationPtr begin(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                            const std::string& id, Callback<Ok> done);
  SpooledCancel(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                const std::string& id, Callback<Ok> done);

 private:
  void ask_spool();
  void on_spool(Status status);
  void ask_server(bool moving);

  JobQueue& server_;
  SqliteSpool& spool_;
  SpoolForwarder& forwarder_;
  net::Runtime& home_;
  const std::string id_;
  Callback<Ok> done_;
  int tries_left_ = 40;
  bool cancelled_there_ = false;  // the server has said so, while the job was moving
  OperationPtr now_;
  net::Timer again_;
};

}  // namespace tidegate::jobs
