#include "core/exchange/exchange.h"

#include "base/assert.h"
#include "core/exchange/open_tunnel.h"
#include "core/exchange/request_intake.h"
#include "core/responses.h"
#include "http/message/client_address.h"
#include "http/message/http_date.h"
#include "http/message/upgrade.h"

namespace tidegate::core {

using policy::Outcome;

Exchange::Exchange(Worker& worker, std::shared_ptr<const RouteTable> table, const RouteState& route,
                   http::Responder& responder)
    : worker_(worker),
      table_(std::move(table)),
      route_(route),
      responder_(responder),
      context_(request_context(responder, route)),
      record_(route, http::client_address(context_.peer, head().fields, route.listener->trusted_proxies),
              runtime().now()),
      timer_(runtime(), [this] { on_timer(); }) {}

Exchange::~Exchange() { TG_ASSERT(state_ == State::ended); }

void Exchange::start() {
  const bool upgrade = !context_.upgrade.empty();
  if (upgrade && worker_.gateway().draining()) return refuse(Outcome::draining, std::nullopt);
  auto intake = read_request(head(), route_, table_->rate_key_secret(), record_.client(), upgrade);
  if (!intake) return refuse(Outcome::bad_request, std::nullopt, intake.error().message);
  const policy::RequestTraits& traits = intake->traits;
  preferences_ = std::move(intake->preferences);
  plan_.emplace(route_.policy, traits, runtime().now(), runtime().random());
  if (head().framing != http::Framing::none) {
    body_.emplace(responder_, worker_.buffers(), intake->body, route_.listener->limits,
                  static_cast<RequestBodyUser&>(*this));
  }
  route_.shared_limit ? check_limit(*traits.rate_key) : begin(std::nullopt);
}

// A limit that replicas share is checked at its store before the plan begins.
void Exchange::check_limit(const policy::RateKey& local_key) {
  if (!worker_.rate_store(*route_.rate_store).usable()) {
    return begin(decide_without_store(route_.shared_limit->on_failure));
  }
  state_ = State::checking_limit;
  limit_check_ =
      std::make_unique<LimitCheck>(worker_, route_, LimitedClient{record_.client(), head().fields}, local_key,
                                   plan_->deadline(), [this](const LimitDecision& decision) { begin(decision); });
}

void Exchange::begin(const LimitDecision& decision) {
  const Time now = runtime().now();
  perform(decision ? plan_->begin(*decision, now) : plan_->begin(now));
}

void Exchange::perform(const policy::Step& step) {
  struct Performer {
    Exchange& self;
    void operator()(const policy::AwaitBody& s) const { self.await_body(s); }
    void operator()(const policy::StartAttempt& s) const { self.begin_attempt(s); }
    void operator()(const policy::WaitForSlot& s) const { self.wait_for_slot(s); }
    void operator()(const policy::WaitUntil& s) const {
      self.state_ = State::backing_off;
      self.route_.upstream->metrics().retry(true);
      self.timer_.start_at(s.until);
    }
    void operator()(const policy::Park& s) const { self.park(s); }
    void operator()(const policy::Respond& s) const { self.respond(s); }
    void operator()(const policy::Refuse& s) const { self.refuse(s.why, s.retry_after); }
  };
  std::visit(Performer{*this}, step);
}

void Exchange::await_body(const policy::AwaitBody& step) {
  state_ = State::awaiting_body;
  timer_.start_at(step.until);
  look_at_body();
}

void Exchange::look_at_body() {
  if (state_ != State::awaiting_body) return;
  if (!body_->is_buffered()) return body_->check_kept();
  timer_.stop();
  perform(plan_->body_arrived(runtime().now()));
}

void Exchange::wait_for_slot(const policy::WaitForSlot& step) {
  state_ = State::waiting_for_slot;
  slot_wait_ = SlotWait::join(runtime(), *route_.policy.bulkhead, step.until, [this](std::optional<policy::Slot> slot) {
    slot_wait_.reset();
    const Time now = runtime().now();
    perform(slot ? plan_->slot_granted(std::move(*slot), now) : plan_->slot_wait_over(now));
  });
  if (!slot_wait_) perform(plan_->slot_wait_over(runtime().now()));
}

void Exchange::begin_attempt(const policy::StartAttempt& step) {
  state_ = State::attempting;
  retry_after_ = {};
  attempt_ = std::make_unique<Attempt>(runtime(), worker_.pool(*route_.upstream), static_cast<AttemptUser&>(*this));
  const policy::TimeoutConfig& timeout = route_.config->timeout;
  attempt_->start({step.deadline, step.per_try, timeout.response_header, timeout.idle, step.upstream_time_allowed,
                   step.probe_until, route_.judged, record_.last_endpoint(), false, context_.upgrade},
                  head().method == "HEAD");
}

// The request headers, and the body as far as it has come.
void Exchange::on_attempt_ready(const config::Endpoint& endpoint) {
  std::string& out = worker_.scratch();
  out.clear();
  AttemptHead attempt{endpoint.authority, {head().framing, head().content_length}, route_.config->timeout_header, 0};
  attempt.timeout_ms = ceil_ms(plan_->deadline() - runtime().now());
  write_request_head(out, head(), context_, attempt);
  const bool chunked = head().framing == http::Framing::chunked;
  attempt_->send(out, chunked, body_ ? body_->first_piece() : std::string_view());
  body_ ? body_->send_to(*attempt_) : attempt_->end_body();
}

void Exchange::on_attempt_head(const http::ResponseHead& response, Duration upstream_time) {
  const auto next = plan_->after_response(response.status, upstream_time, can_resend(), runtime().now());
  if (std::holds_alternative<policy::Relay>(next)) return relay(response);
  record_.attempt_failed(Outcome::bad_upstream_response, std::to_string(response.status));
  retry_after_ = http::retry_after_of(response.fields, runtime().wall_now()).value_or(Duration::zero());
  drop_attempt();
  perform(std::get<policy::Step>(next));
}

void Exchange::relay(const http::ResponseHead& response) {
  state_ = State::relaying;
  timer_.start_at(plan_->deadline());
  relay_.emplace(worker_, route_, responder_, *attempt_, static_cast<ResponseRelayUser&>(*this));
  relay_->begin(response, context_.request_id);
  if (body_) body_->stop_keeping();
}

// The upstream is done: it gets its slot and its connection back, whatever the client has left to read.
void Exchange::on_attempt_complete() {
  plan_->relay_complete(runtime().now());
  state_ = State::delivering;
  timer_.stop();
  relay_->end();
  if (state_ != State::delivering) return;
  drop_attempt();
  drop_body();
}

void Exchange::on_response_sent() {
  responder_.finish();
  end(Outcome::proxied, relay_->status());
}

void Exchange::on_attempt_refused(std::string_view detail) {
  record_.attempt_failed(Outcome::pool_full, std::string(detail));
  const policy::Step step = plan_->pool_full(can_resend());
  drop_attempt();
  perform(step);
}

void Exchange::on_attempt_failed(const policy::AttemptFailure& failure, std::string_view detail) {
  const Outcome outcome = outcome_of(failure.result);
  record_.attempt_failed(outcome, std::string(to_string(failure.result)) + ": " + std::string(detail));
  if (state_ == State::relaying) {
    plan_->relay_failed(failure, runtime().now());
    responder_.abort();  // the response has begun: it must not look whole
    return end(outcome, relay_->status());
  }
  const policy::Step step = plan_->after_failure(failure, can_resend(), runtime().now());
  drop_attempt();
  perform(step);
}

void Exchange::on_timer() {
  if (state_ == State::backing_off) return perform(plan_->next_attempt(runtime().now()));
  if (state_ == State::awaiting_body) return body_->time_out("the body did not arrive within timeout.total");
  TG_ASSERT(state_ == State::relaying);
  give_up(Outcome::timeout, "the deadline passed while the response was being relayed");
}

void Exchange::on_body(std::string_view piece) {
  if (!body_) return;  // a job by reference does not need it
  body_->receive(piece);
  on_body_changed();
}

void Exchange::on_body_end() {
  if (!body_) return;
  body_->end();
  on_body_changed();
}

void Exchange::on_body_changed() {
  if (state_ == State::ended) return;
  look_at_body();
  if (parked_) parked_->on_body_changed();
  if (body_ && state_ != State::ended) body_->drive();
}

void Exchange::on_body_error(const http::ParseError& error) {
  // A job by reference, or a response that is whole, does not need it: the connection ends after the response.
  if (!body_) return;
  const Outcome outcome = outcome_of(error);
  if (response_begun()) return give_up(outcome, error.detail);
  drop_attempt();
  if (plan_) plan_->abandon();
  record_.failed(error.detail);
  refuse(outcome, std::nullopt, error.detail);
}

void Exchange::on_server_ended() {
  record_.failed("cut off at the end of shutdown_grace");
  if (tunnel_) tunnel_->cut();
  end(Outcome::draining, tunnel_ ? http::kSwitchingProtocols : status_of(Outcome::draining));
}

void Exchange::on_attempt_switched(const http::ResponseHead& response, Duration upstream_time,
                                   std::unique_ptr<net::Stream> upstream, std::string_view received) {
  state_ = State::tunnelling;
  const Time now = runtime().now();
  plan_->switched(upstream_time, now);
  record_.tunnel_opened(now, context_.upgrade);
  tunnel_ = open_tunnel(worker_, responder_, *route_.config, context_, {response, std::move(upstream), received},
                        static_cast<TunnelUser&>(*this));
}

void Exchange::on_tunnel_over(TunnelEnd how) {
  record_.failed(to_string(how));
  resets(how) ? responder_.abort() : responder_.finish();
  end(outcome_of(how), http::kSwitchingProtocols);
}

void Exchange::park(const policy::Park& step) {
  state_ = State::parked;
  record_.not_relayed(step.why);
  if (preferences_ && preferences_->body_ref) drop_body();  // the reference takes its place
  parked_ = std::make_unique<ParkedRequest>(
      Parking{worker_, route_, responder_, context_, preferences_.get(), body_ ? &body_->spooled() : nullptr, step.why,
              plan_->deadline(), plan_->attempts() > 0 ? std::optional(retry_after_) : std::nullopt},
      static_cast<ParkedRequestUser&>(*this));
  parked_->start();
  if (body_ && state_ != State::ended) body_->balance();
}

void Exchange::on_parked_request_end(const ParkedEnd& how) {
  if (!how.reason.empty()) record_.failed(how.reason);
  record_.response_bytes(how.response_bytes);
  end(how.outcome, how.status);
}

void Exchange::respond(const policy::Respond& step) {
  const config::FallbackRespond& fallback = *route_.respond;
  responder_.respond(fallback.status, fallback.content_type, fallback.body,
                     fallback_fields(step.why, context_.request_id));
  record_.not_relayed(step.why);
  end(Outcome::responded, fallback.status);
}

void Exchange::refuse(Outcome why, std::optional<Duration> retry_after, std::string_view detail) {
  Problem problem{why, detail, context_.request_id, std::nullopt, {}};
  if (why == Outcome::rate_limited && plan_->rate_decision()) {
    problem.extra_fields = rate_limit_fields(*plan_->rate_decision(), route_.policy.limiter->config());
  }
  send_refusal(responder_, std::move(problem), retry_after);
  if (why == Outcome::bulkhead_full) record_.not_relayed(why);
  end(why, status_of(why));
}

// The request cannot go on, and no upstream is to blame: refused, or cut off where its response has begun.
void Exchange::give_up(Outcome outcome, std::string reason) {
  drop_attempt();
  plan_->abandon();
  record_.failed(std::move(reason));
  if (!response_begun()) {
    const bool room_may_come = outcome == Outcome::buffer_full;
    return refuse(outcome, room_may_come ? std::optional(ParkedRequest::kCommitBound) : std::nullopt);
  }
  responder_.abort();
  end(outcome, parked_ ? parked_->response_status() : relay_->status());
}

// Everything the request caused ends here. The server destroys the exchange at the end of the event-loop iteration.
void Exchange::end(Outcome outcome, uint16_t status) {
  TG_ASSERT(state_ != State::ended);
  state_ = State::ended;
  timer_.stop();
  limit_check_.reset();
  slot_wait_.reset();
  drop_attempt();
  if (relay_) record_.response_bytes(relay_->received());
  relay_.reset();
  if (tunnel_) record_.tunnel_bytes(tunnel_->to_client(), tunnel_->to_upstream());
  if (parked_) record_.became_job(parked_->job_id());
  if (parked_) parked_->cancel();
  record_.end(outcome, status, plan_ ? &*plan_ : nullptr, head(), context_, runtime().now(), table_->config().log);
  if (plan_) plan_->abandon();  // gives back whatever is still held
}

}  // namespace tidegate::core
