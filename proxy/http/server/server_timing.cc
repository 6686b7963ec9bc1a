// The limits in time of a client's connection.
#include <algorithm>

#include "http/server/server_connection.h"

namespace tidegate::http {

namespace {

constexpr Duration kDrainTimeMax = 2s;
constexpr Duration kLingerTimeMax = 1s;

constexpr ParseError kHeadTimeout = {408, "client_timeout", "the head did not arrive within limits.header_timeout"};
constexpr ParseError kBodyTimeout = {408, "client_timeout", "the body did not arrive within limits.body_timeout"};

}  // namespace

// What is due next in this state; Time::max() for nothing. Time without progress of writing is looked at four times in
// its limit, because the stream tells only when it has written all.
Time ServerConnection::next_deadline() {
  const ServerLimits& limits = server_.limits;
  Time due = Time::max();
  switch (state_) {
    case State::idle: due = state_since_ + (head_begun_ ? limits.header_timeout : limits.idle_timeout); break;
    case State::exchanging:
      if (body_ == Body::coming && !paused_) due = body_progress_ + limits.body_timeout;
      break;
    case State::draining: due = state_since_ + kDrainTimeMax; break;
    case State::lingering:
      if (stream_->write_pending() == 0) due = state_since_ + kLingerTimeMax;
      break;
    case State::closed: break;
  }
  if (stream_->write_pending() > 0) due = std::min(due, server_.runtime.now() + limits.write_timeout / 4);
  return due;
}

void ServerConnection::arm_timer() {
  const Time due = next_deadline();
  if (due == Time::max()) return;
  if (!timer_.active() || due < timer_.deadline()) timer_.start_at(due);
}

void ServerConnection::on_timer() {
  if (!woken_) return on_deadline();
  woken_ = false;
  advance({});
}

bool ServerConnection::is_write_stuck() {
  const uint64_t taken = written_ - stream_->write_pending();
  if (taken != acknowledged_) {
    acknowledged_ = taken;
    write_progress_ = server_.runtime.now();
  }
  return stream_->write_pending() > 0 && server_.runtime.now() >= write_progress_ + server_.limits.write_timeout;
}

void ServerConnection::on_deadline() {
  const Time now = server_.runtime.now();
  if (is_write_stuck()) {
    stream_->reset_on_close();
    return lose_client();
  }
  switch (state_) {
    case State::idle:
      if (head_begun_ && now >= state_since_ + server_.limits.header_timeout) return refuse(kHeadTimeout);
      if (!head_begun_ && now >= state_since_ + server_.limits.idle_timeout) return close();
      break;
    case State::exchanging: on_exchange_deadline(now); break;
    case State::draining:
      if (now >= state_since_ + kDrainTimeMax) return begin_linger();
      break;
    case State::lingering:
      if (stream_->write_pending() == 0 && now >= state_since_ + kLingerTimeMax) return close();
      break;
    case State::closed: return;
  }
  if (state_ != State::closed) arm_timer();
}

void ServerConnection::on_exchange_deadline(Time now) {
  if (body_ == Body::coming && !paused_ && now >= body_progress_ + server_.limits.body_timeout) fail_body(kBodyTimeout);
}

}  // namespace tidegate::http
