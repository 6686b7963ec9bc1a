// One request and its response. The Plan proposes, the Exchange performs: perform() is the one function that starts
// something, end() the one that ends it.
//
//   deciding ──▶ perform ──StartAttempt──▶ attempting ──Relay──▶ relaying ──upstream done──▶ delivering ──▶ ended
//      │          ▲ │ ▲ │                      ├──101──▶ tunnelling ──▶ ended
//      │          │ │ └─┼──── after_… ◀────────┘ failed, refused, or a response that is not relayed
//      ▼          │ │   │
//   checking_limit│ │   ├── WaitForSlot ──▶ waiting_for_slot ──slot, or none──▶ perform
//      └──────────┘ │   ├── WaitUntil ────▶ backing_off ──time is over──▶ perform
//                   │   └── AwaitBody ────▶ awaiting_body ──arrived, or its buffer is full──▶ perform
//                   ├── Park ──▶ parked ──▶ ended
//                   └── Refuse, Respond ──▶ ended                (client gone: from anywhere, ──▶ ended)
//
// What only some requests need is a part of its own, made when it is needed: RequestBody (there is a body), LimitCheck
// (replicas share the route's limit), SlotWait (the bulkhead is full), ResponseRelay (a response is relayed), Tunnel
// (the upstream switches to another protocol), ParkedRequest (the request becomes a job).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/exchange/limit_check.h"
#include "core/exchange/request_body.h"
#include "core/exchange/request_record.h"
#include "core/exchange/response_relay.h"
#include "core/exchange/slot_wait.h"
#include "core/exchange/tunnel.h"
#include "core/jobs/parked_request.h"
#include "core/routing/route_table.h"
#include "core/upstream/attempt.h"
#include "core/upstream/forward.h"
#include "core/worker.h"
#include "http/server/server.h"
#include "policy/plan.h"

namespace tidegate::core {

class Exchange final : public http::Handler,
                       private AttemptUser,
                       private RequestBodyUser,
                       private ResponseRelayUser,
                       private TunnelUser,
                       private ParkedRequestUser {
 public:
  // `route`: of `table`, which the exchange keeps until its end. Worker and responder outlive the exchange (the
  // responder until the response's end).
  Exchange(Worker& worker, std::shared_ptr<const RouteTable> table, const RouteState& route,
           http::Responder& responder);
  ~Exchange() override;

  // May respond at once.
  void start();

 private:
  enum class State {
    deciding,
    checking_limit,
    awaiting_body,
    waiting_for_slot,
    backing_off,
    attempting,
    relaying,
    delivering,  // the upstream is done; the client still reads
    tunnelling,  // with the slot
    parked,
    ended,
  };

  // http::Handler: the client's side.
  void on_body(std::string_view piece) override;
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override { end(policy::Outcome::client_closed, status_of(policy::Outcome::client_closed)); }
  void on_server_ended() override;
  void on_response_drained() override {
    if (relay_) relay_->on_drained();
    if (parked_) parked_->on_response_drained();
  }

  // AttemptUser: the upstream's side.
  void on_attempt_begun(size_t endpoint) override {
    plan_->attempt_begun(runtime().now());
    record_.attempt_begun(endpoint);
  }
  void on_attempt_ready(const config::Endpoint& endpoint) override;
  bool may_start_over(bool unseen) const override {
    return (!body_ || body_->stays_kept()) && (unseen || plan_->may_run_twice());
  }
  void on_attempt_writable() override {
    if (body_) body_->drive();
  }
  void on_attempt_interim(const http::ResponseHead& head) override {
    relay_interim(worker_, responder_, head, context_.request_id);
  }
  void on_attempt_head(const http::ResponseHead& head, Duration upstream_time) override;
  void on_attempt_switched(const http::ResponseHead& head, Duration upstream_time,
                           std::unique_ptr<net::Stream> upstream, std::string_view received) override;
  void on_attempt_body(std::string_view piece) override { relay_->receive(piece); }
  void on_attempt_complete() override;
  void on_attempt_starved() override { body_->time_out("the body did not arrive in time"); }
  void on_attempt_refused(std::string_view detail) override;
  void on_attempt_failed(const policy::AttemptFailure& failure, std::string_view detail) override;

  // RequestBodyUser, ResponseRelayUser, TunnelUser, ParkedRequestUser.
  void on_body_changed() override;
  void on_body_stuck(policy::Outcome why, std::string_view reason) override { give_up(why, std::string(reason)); }
  void on_response_sent() override;
  void on_response_stuck(policy::Outcome why, std::string_view reason) override { give_up(why, std::string(reason)); }
  void on_tunnel_over(TunnelEnd how) override;
  void on_parked_request_end(const ParkedEnd& end) override;

  void check_limit(const policy::RateKey& local_key);
  void begin(const LimitDecision& decision);

  // The steps, and what follows them.
  void perform(const policy::Step& step);
  void await_body(const policy::AwaitBody& step);
  void look_at_body();
  void begin_attempt(const policy::StartAttempt& step);
  void drop_attempt() {
    if (body_) body_->detach();
    attempt_.reset();
  }
  void wait_for_slot(const policy::WaitForSlot& step);
  void relay(const http::ResponseHead& head);
  void park(const policy::Park& step);
  void respond(const policy::Respond& step);
  void refuse(policy::Outcome why, std::optional<Duration> retry_after, std::string_view detail = {});
  void give_up(policy::Outcome outcome, std::string reason);
  void on_timer();
  void end(policy::Outcome outcome, uint16_t status);

  // What the client still sends of it is dropped.
  void drop_body() {
    if (!body_) return;
    body_.reset();
    responder_.resume_body();
  }
  bool can_resend() const { return !body_ || body_->can_resend(); }
  bool response_begun() const { return relay_ || (parked_ && parked_->delivering()); }
  net::Runtime& runtime() const { return responder_.runtime(); }
  const http::RequestHead& head() const { return responder_.request(); }

  Worker& worker_;
  const std::shared_ptr<const RouteTable> table_;  // before the members that point into it
  const RouteState& route_;
  http::Responder& responder_;
  RequestContext context_;
  RequestRecord record_;
  State state_ = State::deciding;
  std::optional<policy::Plan> plan_;
  std::optional<RequestBody> body_;              // where the request has one
  std::unique_ptr<JobPreferences> preferences_;  // where the request says something about a job
  std::unique_ptr<LimitCheck> limit_check_;
  std::unique_ptr<SlotWait> slot_wait_;
  std::unique_ptr<Attempt> attempt_;
  Duration retry_after_{};  // of the last attempt's response
  std::optional<ResponseRelay> relay_;
  std::unique_ptr<Tunnel> tunnel_;
  std::unique_ptr<ParkedRequest> parked_;
  net::Timer timer_;
};

}  // namespace tidegate::core
