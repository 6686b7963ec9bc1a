#include "core/upstream/attempt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "http/message/writer.h"

namespace tidegate::core {

using policy::AttemptResult;

namespace {

// A client that keeps the upstream waiting for so long may be why the upstream breaks off: upstreams have time limits
// for slow clients, too.
constexpr Duration kLatenessMin = 1s;      // at once
constexpr Duration kLatenessSumMin = 10s;  // in pieces, as from a client that drips

}  // namespace

Attempt::Attempt(net::Runtime& runtime, Pool& pool, AttemptUser& user)
    : runtime_(runtime), pool_(pool), user_(user), timer_(runtime, [this] { on_timer(); }) {}

Attempt::~Attempt() {
  const bool under_way = state_ != State::ended && state_ != State::switched && state_ != State::pending;
  if (state_ == State::switched) pool_.upstream().connections().tunnels_changed(-1);
  if (under_way) pool_.upstream().metrics().attempt_cancelled(runtime_.now() - begun_);
}

void Attempt::start(const AttemptLimits& limits, bool is_head_request) {
  limits_ = limits;
  is_head_request_ = is_head_request;
  Pool::Acquired acquired = pool_.acquire(*this, pending_until(), choice());
  acquiring_ = std::move(acquired.pending);
  if (acquiring_) return;
  reused_ = true;
  begin(acquired.connection.endpoint_index());
  connected(std::move(acquired.connection));
}

void Attempt::begin(size_t endpoint) {
  endpoint_ = endpoint;
  begun_ = runtime_.now();
  awaited_ = Awaited::upstream;
  client_time_ = Duration::zero();
  head_deadline_ = std::min(pending_until(), begun_ + limits_.per_try);
  await(Awaited::upstream);
  timer_.start_at(head_deadline_);
  user_.on_attempt_begun(endpoint_);
}

void Attempt::on_connecting(size_t endpoint) {
  state_ = State::connecting;
  begin(endpoint);
}

// A connection that another call has given back comes while the attempt is still pending: the upstream may be about to
// close it, as an idle one.
void Attempt::on_connection(Result<PooledConnection> connection) {
  if (!connection && connection.error().code == ErrorCode::exhausted) return refuse(connection.error().message);
  if (!connection) return fail({AttemptResult::connect_failure}, connection.error().message);
  if (state_ == State::pending) {
    reused_ = true;
    begin(connection->endpoint_index());
  }
  connected(std::move(*connection));
}

void Attempt::connected(PooledConnection connection) {
  connection_ = std::move(connection);
  if (reused_ && !user_.may_start_over(false) && connection_->find_dead()) return start_over();
  connection_->begin_request(this, is_head_request_);
  connection_->expect_upgrade(limits_.upgrade);
  state_ = State::sending;
  user_.on_attempt_ready(connection_.endpoint());
}

void Attempt::send(std::string_view head, bool chunked, std::string_view first_piece) {
  TG_ASSERT(state_ == State::sending && !head_sent_);
  head_sent_ = true;
  chunked_ = chunked;
  if (first_piece.empty()) {
    connection_->write(std::span(&head, 1));
    return await_next_piece();
  }
  char size_line[24];
  const std::string_view size = chunked ? http::chunk_header(first_piece.size(), size_line) : "";
  const std::array pieces{head, size, first_piece, chunked ? http::kChunkEnd : std::string_view()};
  connection_->write(pieces);
  await_next_piece();
}

void Attempt::send_body(std::string_view piece) {
  TG_ASSERT(takes_body());
  if (piece.empty()) return;
  if (chunked_) {
    char size_line[24];
    const std::array pieces{http::chunk_header(piece.size(), size_line), piece, http::kChunkEnd};
    connection_->write(pieces);
  } else {
    connection_->write(std::span(&piece, 1));
  }
  await_next_piece();
}

void Attempt::end_body() {
  TG_ASSERT(takes_body());
  request_written_ = true;
  if (chunked_) connection_->write(std::span(&http::kLastChunk, 1));
  connection_->end_request();
  await(Awaited::upstream);
  if (state_ != State::sending) return;
  state_ = State::waiting;
  timer_.start_at(std::min(head_deadline_, runtime_.now() + limits_.response_header));
}

void Attempt::await(Awaited whom) {
  if (awaited_ == Awaited::client) client_time_ += runtime_.now() - awaited_since_;
  awaited_ = whom;
  awaited_since_ = runtime_.now();
}

// A piece of the request has been handed over.
void Attempt::await_next_piece() {
  if (write_pending() == 0) return await(Awaited::client);
  if (awaited_ == Awaited::client) await(Awaited::upstream);
}

Duration Attempt::upstream_time() const {
  return awaited_ == Awaited::upstream ? runtime_.now() - awaited_since_ : Duration::zero();
}

Duration Attempt::client_time() const {
  return client_time_ + (awaited_ == Awaited::client ? runtime_.now() - awaited_since_ : Duration::zero());
}

Duration Attempt::paused_time() const {
  return paused_time_ + (paused_since_ ? runtime_.now() - *paused_since_ : Duration::zero());
}

ChoiceFor Attempt::choice() const { return {limits_.failed_at, limits_.probe_until.has_value()}; }

Time Attempt::pending_until() const {
  return std::min(limits_.deadline, limits_.probe_until.value_or(limits_.deadline));
}

void Attempt::pause() {
  if (paused_since_ || state_ != State::receiving) return;
  paused_since_ = runtime_.now();
  connection_->pause_reading();
}

void Attempt::resume() {
  if (!paused_since_ || state_ != State::receiving) return;
  last_activity_ = runtime_.now();
  const Duration paused = last_activity_ - *paused_since_;
  paused_time_ += paused;
  held_back_ = held_back_ || paused >= kLatenessMin;
  paused_since_.reset();
  connection_->resume_reading();
}

void Attempt::on_timer() {
  if (state_ == State::receiving) return on_silence();
  if (limits_.probe_until && runtime_.now() >= *limits_.probe_until) {
    return time_out(AttemptResult::timeout, "the breaker's probe had no response headers within half_open_timeout");
  }
  if (state_ == State::connecting) {
    return time_out(AttemptResult::connect_failure, "no connection within the time of the attempt");
  }
  if (state_ == State::sending && awaited_ == Awaited::client) return user_.on_attempt_starved();
  time_out(AttemptResult::timeout, "no response headers in time");
}

// While a response arrives the timer is lazy: bytes only note the time, and the timer finds out when it fires.
void Attempt::on_silence() {
  const bool awaits_client = paused_since_ || awaited_ == Awaited::client;
  const Time silent_since = awaits_client ? runtime_.now() : std::max(last_activity_, awaited_since_);
  const Time due = silent_since + limits_.idle;
  if (due > runtime_.now()) return timer_.start_at(due);
  fail({AttemptResult::timeout}, "the response stopped: nothing arrived for timeout.idle");
}

// If the upstream breaks off now.
bool Attempt::is_client_to_blame() const {
  const bool late = awaited_ == Awaited::client && runtime_.now() - awaited_since_ >= kLatenessMin;
  return late || client_time_ >= kLatenessSumMin || held_back_;
}

void Attempt::on_response_head(const http::ResponseHead& head) {
  state_ = State::receiving;
  last_activity_ = runtime_.now();
  timer_.start_at(last_activity_ + limits_.idle);
  pool_.upstream().endpoint(endpoint_).responded(last_activity_);
  const bool failed = limits_.judged ? limits_.judged->failures.has_status(head.status) : head.status >= 500;
  if (failed) note_failure(policy::Outcome::bad_upstream_response, std::to_string(head.status), true);
  user_.on_attempt_head(head, upstream_time());
}

void Attempt::on_switched(const http::ResponseHead& head, std::unique_ptr<net::Stream> stream,
                          std::string_view received) {
  end();
  state_ = State::switched;
  const Time now = runtime_.now();
  pool_.upstream().connections().tunnels_changed(1);
  pool_.upstream().endpoint(endpoint_).responded(now);
  pool_.upstream().metrics().attempt_ended(AttemptResult::response, now - begun_);
  pool_.upstream().call_succeeded(endpoint_);
  user_.on_attempt_switched(head, upstream_time(), std::move(stream), received);
}

void Attempt::on_response_body(std::string_view piece) {
  last_activity_ = runtime_.now();
  user_.on_attempt_body(piece);
}

void Attempt::on_response_complete() {
  end();
  pool_.upstream().metrics().attempt_ended(AttemptResult::response, runtime_.now() - begun_);
  if (!failed_) pool_.upstream().call_succeeded(endpoint_);
  connection_.give_back();
  user_.on_attempt_complete();
}

void Attempt::start_over() {
  connection_.give_back();
  reused_ = false;
  head_sent_ = false;
  request_written_ = false;
  state_ = State::pending;
  timer_.stop();
  acquiring_ = pool_.acquire_fresh(*this, pending_until(), choice());
}

void Attempt::on_client_failure(http::ClientFailure failure, http::RequestSeen seen, std::string_view detail) {
  const bool is_reset = failure == http::ClientFailure::reset;
  const bool was_dead = reused_ && is_reset && seen != http::RequestSeen::yes;
  if (was_dead && user_.may_start_over(seen == http::RequestSeen::no)) return start_over();
  const bool upstreams = !is_reset || !is_client_to_blame();
  fail({is_reset ? AttemptResult::reset : AttemptResult::bad_response, upstreams, upstream_time()}, detail);
}

void Attempt::on_request_drained() {
  if (takes_body()) await(Awaited::client);
  user_.on_attempt_writable();
}

void Attempt::time_out(AttemptResult result, std::string_view detail) {
  const Duration waited = upstream_time();
  Duration allowed = limits_.upstream_time_allowed;
  if (state_ == State::connecting) allowed = std::min(allowed, pool_.upstream().endpoint(endpoint_).connect_time_max());
  const bool upstreams = awaited_ == Awaited::upstream && policy::is_upstreams_timeout(waited, allowed);
  if (upstreams && state_ == State::connecting) {
    pool_.upstream().endpoint(endpoint_).connect_failed(detail, runtime_.now());
  }
  fail({result, upstreams, waited}, detail);
}

void Attempt::fail(const policy::AttemptFailure& failure, std::string_view detail) {
  end();
  pool_.upstream().metrics().attempt_ended(failure.result, runtime_.now() - begun_);
  const std::string why(detail);  // it may point into what is about to be closed
  const bool overdue = limits_.probe_until && runtime_.now() >= *limits_.probe_until;  // whatever `failures` lists
  const bool judged_failed = limits_.judged && (overdue || limits_.judged->failures.has(failure.result));
  if (failure.upstreams_fault) note_failure(policy::outcome_of(failure.result), why, judged_failed);
  connection_.give_back();
  user_.on_attempt_failed(failure, why);
}

void Attempt::note_failure(policy::Outcome outcome, std::string_view reason, bool judged_failed) {
  const UpstreamFailure failure{runtime_.now(), endpoint_, outcome, std::string(reason)};
  pool_.upstream().failures().note(failure);
  if (limits_.judged && !judged_failed) return;
  if (limits_.judged) limits_.judged->note.note(failure);
  if (std::exchange(failed_, true)) return;
  const bool could_connect = outcome != policy::Outcome::connect_failure;
  if (limits_.is_callers_fault && could_connect) return;
  const std::string why = could_connect ? std::string(to_string(outcome)) + ": " + failure.reason : "";
  pool_.upstream().call_failed(endpoint_, why, begun_, failure.at);
}

void Attempt::refuse(const std::string& detail) {
  end();
  user_.on_attempt_refused(detail);
}

void Attempt::end() {
  state_ = State::ended;
  timer_.stop();
}

}  // namespace tidegate::core
