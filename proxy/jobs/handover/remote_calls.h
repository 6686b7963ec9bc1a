// The queues of another process, which has taken them over: the calls that requests in flight here still make. Calls
// may come from any loop; the connection to the other process is on the main loop.
//
//   any loop: append() ──▶ main loop: message ──▶ other process ──▶ answer ──▶ the loop of the call: done(result)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "jobs/handover/call.h"
#include "jobs/job_queue.h"
#include "jobs/store_call.h"
#include "net/runtime.h"

namespace tidegate::jobs {

class RemoteCalls : public std::enable_shared_from_this<RemoteCalls> {
 public:
  // `main`: the loop that sends, and outlives this. `send`: called there.
  RemoteCalls(net::Runtime& main, std::function<void(net::Message)> send) : main_(main), send_(std::move(send)) {}

  // As of JobQueue; errors: those of the queue there, and unavailable: the other process has ended.
  OperationPtr append(net::Runtime& home, const std::string& queue, JobDraft draft, Callback<Appended> done);
  OperationPtr find(net::Runtime& home, const std::string& queue, const std::string& id, Callback<JobRecord> done);
  OperationPtr cancel(net::Runtime& home, const std::string& queue, const std::string& id, Callback<Ok> done);
  // Its body is read by read().
  OperationPtr result(net::Runtime& home, const std::string& queue, const std::string& id, Callback<ResultReader> done);
  // A piece of the body of a job's result.
  OperationPtr read(net::Runtime& home, const std::string& queue, const std::string& id, uint64_t offset, size_t count,
                    Callback<std::string> done);

  // On the main loop. An answer has come; false: it cannot be read.
  bool on_answer(const net::Message& message);
  // The other process has ended: no call is answered any more, those under way fail.
  void end(const std::string& reason);

 private:
  using Finish = std::function<void(QueueAnswer)>;

  template <typename T>
  OperationPtr submit(std::shared_ptr<PendingCall<T>> pending, QueueCall call, std::function<T(QueueAnswer&)> pick);
  void send_call(QueueCall call, Finish finish);

  net::Runtime& main_;
  std::function<void(net::Message)> send_;
  std::map<uint64_t, Finish> under_way_;  // the main loop's, as all below
  uint64_t next_id_ = 1;
  std::string ended_;  // why; "": it has not
};

}  // namespace tidegate::jobs
