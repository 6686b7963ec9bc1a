// A request on its way into the queue, and what its client gets: 202, or the stored result where the job has ended (an
// earlier job with the same key, or one that was waited for). Made when the plan parks a request; belongs to its
// exchange, which passes on what happens to the body and to the client.
//
//   receiving ──body whole──▶ storing ──durable──▶ awaiting ──job ended──▶ fetching ──result──▶ delivering ──▶ ended
//       │                        │                    │                       │
//       └─ too large ──▶ ended   └─ refused ──▶ ended └─ 202, problem ──▶ ended └─ no result: 202 ──▶ ended
//
// awaiting: only where the client asked for it; otherwise the 202, or the result of an existing job, follows at once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/jobs/job_preferences.h"
#include "core/jobs/job_wait.h"
#include "core/jobs/result_sender.h"
#include "core/routing/route_table.h"
#include "core/spooled_body.h"
#include "core/upstream/forward.h"
#include "core/worker.h"
#include "http/server/server.h"
#include "jobs/refusal.h"
#include "policy/outcome.h"

namespace tidegate::core {

// How a parked request ended.
struct ParkedEnd {
  policy::Outcome outcome;
  uint16_t status;
  uint64_t response_bytes = 0;  // of a stored result
  std::string reason = {};      // for the log, where the reason for parking does not say it
};

class ParkedRequestUser {
 public:
  // The response has been sent, or cut off. The last call; perhaps inside a call to the parked request, which must
  // outlive the call.
  virtual void on_parked_request_end(const ParkedEnd& end) = 0;

 protected:
  ~ParkedRequestUser() = default;
};

// What a request is parked with. All references and pointers outlive the parked request.
struct Parking {
  Worker& worker;
  const RouteState& route;  // has a queue
  http::Responder& responder;
  const RequestContext& context;
  const JobPreferences* preferences;  // null: the request has none
  SpooledBody* body;                  // null: the request has none, or the job does not need it
  policy::Outcome why;                // queued: the client sent respond-async
  Time deadline;                      // of the request
  // The upstream has failed it just now, and wants so much time (its Retry-After); none: it was not called.
  std::optional<Duration> upstream_wait;
};

class ParkedRequest {
 public:
  // How long beyond the deadline the store may take.
  static constexpr Duration kCommitBound = 2s;

  ParkedRequest(const Parking& parking, ParkedRequestUser& user);

  void start();
  void on_body_changed();
  void on_response_drained();
  // The client has gone, or its body broke a rule: a job that is not durable yet is cancelled, and nothing is sent.
  void cancel();

  bool delivering() const { return state_ == State::delivering; }
  uint16_t response_status() const { return response_status_; }
  // Of the job that the request has become, or of the earlier one with its key; "": it is not accepted (yet).
  const std::string& job_id() const { return job_.id; }

 private:
  enum class State { receiving, storing, awaiting, fetching, delivering, ended };

  void store();
  jobs::JobDraft draft();
  void on_stored(Result<jobs::Appended> appended);
  void on_timer();
  void await_end();
  void log_accepted() const;
  void on_job(Result<jobs::JobRecord> record);
  void respond_to_end(const std::string& last_error);
  void fetch_result();
  void deliver(Result<jobs::ResultReader> result);
  void respond_accepted(std::optional<uint64_t> position);
  void refuse(policy::Outcome outcome, std::optional<Duration> retry_after, std::string reason,
              const std::string& sentence = "");
  void queue_refused(policy::Outcome outcome, jobs::Refusal why, const std::string& message);
  void end(ParkedEnd how);

  std::string location() const;
  std::string shared_fields() const;
  bool waits() const { return parking_.preferences && parking_.preferences->wait; }
  net::Runtime& runtime() const { return parking_.worker.runtime(); }

  const Parking parking_;
  ParkedRequestUser& user_;
  State state_ = State::receiving;
  net::Timer timer_;
  std::unique_ptr<net::Operation> operation_;  // storing, fetching
  std::optional<AppendPermit> append_permit_;  // storing
  jobs::Appended job_;                         // once it is accepted
  Duration first_delay_{};                     // of a job that it makes, until it may be attempted
  std::unique_ptr<JobWait> job_wait_;
  std::unique_ptr<ResultSender> result_;
  uint16_t response_status_ = 0;
};

}  // namespace tidegate::core
