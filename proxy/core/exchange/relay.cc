// The exchange's upstream side: what an attempt tells, relayed to the client or given to the plan.
#include "core/access_log.h"
#include "core/exchange/exchange.h"
#include "core/upstream/attempt.h"
#include "core/upstream/forward.h"

namespace tidegate::core {

using policy::AttemptResult;
using policy::Outcome;

void Exchange::on_attempt_ready(const config::Endpoint& endpoint) {
  std::string& out = worker_.scratch();
  out.clear();
  AttemptHead attempt{endpoint.authority, {head().framing, head().content_length}, route_.config->timeout_header, 0};
  attempt.timeout_ms = ceil_ms(plan_->deadline() - runtime().now());
  write_request_head(out, head(), context_, attempt);
  const bool chunked = head().framing == http::Framing::chunked;
  const std::string_view first = body_ ? body_->peek(0).substr(0, kBufferMax) : std::string_view();
  attempt_->send(out, chunked, first);
  sent_ = first.size();
  if (!body_) return attempt_->end_body();
  body_->consumed(sent_);
  pump();
}

void Exchange::on_attempt_head(const http::ResponseHead& head) {
  struct Follower {
    Exchange& self;
    const http::ResponseHead& head;
    void operator()(const policy::Relay&) const { self.relay(head); }
    void operator()(const policy::Step& step) const {
      self.failure_ = std::to_string(head.status);
      self.attempt_.reset();
      self.perform(step);
    }
  };
  std::visit(Follower{*this, head}, plan_->after_response(head.status, can_resend(), runtime().now()));
}

void Exchange::relay(const http::ResponseHead& response) {
  state_ = State::relaying;
  answer_status_ = response.status;
  timer_.start_at(plan_->deadline());
  std::string& out = worker_.scratch();
  out.clear();
  write_response_head(out, response, context_.request_id);
  // The answer to HEAD, and a 304, have the length that they tell, if any; other answers without a body have none.
  const bool bare = head().method == "HEAD" || response.status == 304;
  const bool sized = response.has_content_length || (response.framing == http::Framing::none && !bare);
  responder_.send_head(response.status, out, sized ? response.content_length : http::Responder::kUnknownLength);
  // The request's body need not be kept any more.
  if (body_) body_->stop_keeping(sent_);
}

void Exchange::on_attempt_body(std::string_view piece) {
  answer_bytes_ += piece.size();
  responder_.send_body(piece);
  if (responder_.write_pending() > kBufferMax) attempt_->pause();
}

void Exchange::on_response_drained() {
  if (attempt_) attempt_->resume();
  if (result_) result_->resume();
}

void Exchange::on_attempt_complete() {
  plan_->relay_ended(AttemptResult::response, runtime().now());
  responder_.finish();
  end(Outcome::proxied, answer_status_);
}

void Exchange::on_attempt_starved() {
  attempt_.reset();
  plan_->abandon();  // the upstream is not to blame
  failure_ = "the body did not arrive in time";
  refuse(Outcome::client_timeout, std::nullopt);
}

void Exchange::on_attempt_failed(AttemptResult result, std::string_view detail) {
  failure_ = std::string(to_string(result)) + ": " + std::string(detail);
  if (state_ == State::relaying) {
    plan_->relay_ended(result, runtime().now());
    responder_.abort();  // the answer has begun: it must not look whole
    return end(outcome_of(result), answer_status_);
  }
  const policy::Step step = plan_->after_failure(result, can_resend(), runtime().now());
  attempt_.reset();
  perform(step);
}

}  // namespace tidegate::core
