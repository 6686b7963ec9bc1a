// One request and its answer. The Plan proposes, the Exchange performs: perform() is the one function that starts
// something, end() the one that ends it.
//
//               ┌──────────────── WaitForSlot ─▶ waiting_for_slot ─┐
//   start ──▶ perform ◀──────────────────────────────────────────┘        (start ─▶ asking_limit ─▶ perform, where
//             │  ▲  ├─── WaitUntil ─▶ backing_off ─┐                       replicas share the rate limit)
//             │  └──┼──────────────────────────────┘
//             │  └──┼──── failed, retryable ──┐
//             │     └─── StartAttempt ─▶ attempting ───┴── Relay ─▶ relaying ──▶ ended
//             ├── Park ─▶ parking (body arrives, store commits) ─┬─ 202 ──▶ ended
//             │               asked to wait ──▶ awaiting ──────┴─ stored result ─▶ delivering ──▶ ended
//             └── Refuse, Respond ──▶ ended          (client gone: from anywhere, ──▶ ended)
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/jobs/job_wait.h"
#include "core/jobs/result_sender.h"
#include "core/routing/route_table.h"
#include "core/spooled_body.h"
#include "core/upstream/attempt.h"
#include "core/upstream/forward.h"
#include "core/worker.h"
#include "http/server/server.h"
#include "policy/plan.h"

namespace tidegate::core {

class Exchange final : public http::Handler, private AttemptUser {
 public:
  // `route`: of `table`, which the exchange keeps until its end. Worker and responder outlive the exchange (the
  // responder until the response's end).
  Exchange(Worker& worker, std::shared_ptr<const RouteTable> table, const RouteState& route,
           http::Responder& responder);
  ~Exchange() override;

  // May answer at once.
  void start();

 private:
  enum class State {
    deciding,
    asking_limit,
    waiting_for_slot,
    backing_off,
    attempting,
    relaying,
    parking,
    awaiting,
    delivering,
    ended
  };
  // What a request says of the job that it may become.
  struct JobPreferences {
    std::string key;                      // Idempotency-Key
    std::optional<std::string> body_ref;  // Tidegate-Body-Ref: the body is not the job's
    std::optional<Duration> wait;         // Prefer: respond-async, wait=N
    bool async = false;
  };
  class Waiter;

  // http::Handler: the client's side.
  void on_body(std::string_view piece) override;
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override;
  void on_response_drained() override;

  // AttemptUser: the upstream's side.
  void on_attempt_ready(const config::Endpoint& endpoint) override;
  void on_attempt_writable() override { pump(); }
  void on_attempt_head(const http::ResponseHead& head) override;
  void on_attempt_body(std::string_view piece) override;
  void on_attempt_complete() override;
  void on_attempt_starved() override;
  void on_attempt_failed(policy::AttemptResult result, std::string_view detail) override;

  // How long beyond the deadline the store may take for its verdict.
  static constexpr Duration kCommitBound = 2s;
  static constexpr size_t kBufferMax = SpooledBody::kBufferMax;

  // The rate limit that replicas share.
  void ask_shared_limit();
  void shared_limit_known(const std::optional<policy::RateDecision>& decision);
  void begin_without_store();

  // The steps.
  void perform(const policy::Step& step);
  void begin_attempt(const policy::StartAttempt& step);
  void wait_for_slot(const policy::WaitForSlot& step);
  void on_slot_granted();
  void relay(const http::ResponseHead& head);
  void park(const policy::Park& step);
  void store_when_whole();
  void store();
  jobs::JobDraft draft();
  void stored(Result<jobs::Appended> appended);

  // What the client of an accepted job gets.
  void await_end(const jobs::Appended& job);
  void job_seen(Result<jobs::JobRecord> record);
  void answer_final(jobs::JobStatus status, const std::string& last_error);
  void answer_accepted(jobs::JobStatus status, std::optional<uint64_t> position);
  void deliver(Result<jobs::ResultReader> result);
  std::string job_location() const;
  std::string job_answer_fields() const;
  void respond(const policy::Respond& step);
  void note_failure(policy::Outcome why);
  void refuse(policy::Outcome why, std::optional<Duration> retry_after, std::string_view detail = {});
  void on_timer();
  void end(policy::Outcome outcome, uint16_t code);

  // The request's body.
  void keep_what_may_be_needed();
  void pump();
  void send_from_file();
  void body_changed();
  void balance_client();
  bool can_resend() const { return !body_ || body_->kept(); }
  bool by_reference() const { return preferences_ && preferences_->body_ref; }
  // It is the job's no more: the client is read on, for nothing.
  bool ignores_body() const { return state_ > State::parking || (state_ == State::parking && by_reference()); }
  bool answer_begun() const { return state_ == State::relaying || state_ == State::delivering; }

  Status read_preferences(policy::RequestTraits& traits);
  bool read_traits(policy::RequestTraits& traits);
  policy::RateKey rate_key() const;
  net::Runtime& runtime() const { return responder_.runtime(); }
  const http::RequestHead& head() const { return responder_.request(); }

  Worker& worker_;
  const std::shared_ptr<const RouteTable> table_;  // before the members that point into it
  const RouteState& route_;
  http::Responder& responder_;
  RequestContext context_;
  IpAddress client_;
  Time begun_;
  State state_ = State::deciding;
  std::optional<policy::Plan> plan_;
  std::optional<SpooledBody> body_;
  uint64_t sent_ = 0;  // of the body, in this try
  bool reading_file_ = false;
  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<Waiter> waiter_;
  std::unique_ptr<net::Operation> storing_;
  std::unique_ptr<net::Operation> asking_;
  std::unique_ptr<JobPreferences> preferences_;  // only of what says anything of a job
  std::optional<jobs::Appended> job_;            // once it is accepted
  std::unique_ptr<JobWait> job_wait_;
  std::unique_ptr<ResultSender> result_;
  policy::Outcome parked_for_ = policy::Outcome::queued;
  std::string failure_;  // of the last try, for the log
  uint64_t answer_bytes_ = 0;
  uint16_t answer_status_ = 0;
  net::Timer timer_;
};

}  // namespace tidegate::core
