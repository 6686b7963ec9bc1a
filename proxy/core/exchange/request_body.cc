#include "core/exchange/request_body.h"

#include <algorithm>

namespace tidegate::core {

namespace {

// What is buffered is held as if it was kept, so that it may be in a file.
SpooledBody::Limits spool_limits(const RequestBody::Needs& needs) {
  return {std::max(needs.keep_max, needs.buffer), std::max<uint64_t>(SpooledBody::kMemoryMax, needs.buffer)};
}

}  // namespace

RequestBody::RequestBody(http::Responder& responder, BufferBudget& budget, const Needs& needs,
                         const config::ListenerLimits& limits, RequestBodyUser& user)
    : responder_(responder),
      needs_(needs),
      limits_(limits),
      user_(user),
      spooled_(responder.runtime(), budget, spool_limits(needs), [this] { user_.on_body_changed(); }) {}

void RequestBody::receive(std::string_view piece) {
  const bool straight_on = takes_more() && sent_ == spooled_.received();
  if (!straight_on) return spooled_.append(piece);
  spooled_.append_delivered(piece);
  attempt_->send_body(piece);
  sent_ += piece.size();
}

void RequestBody::balance() {
  if (spooled_.ended()) return;
  const bool upstream_full = state_ == State::sending && attempt_->write_pending() >= SpooledBody::kBufferMax;
  spooled_.has_room() && !upstream_full ? responder_.resume_body() : responder_.pause_body();
}

void RequestBody::send_to(Attempt& attempt) {
  state_ = State::sending;
  attempt_ = &attempt;
  ++attempts_;
  sent_ = first_piece().size();
  if (needs_.keep_max == 0) spooled_.stop_keeping(sent_);
  if (!spooled_.ended()) watch();
  drive();
}

void RequestBody::check_kept() {
  if (!spooled_.kept()) lose();
}

void RequestBody::lose() { user_.on_body_stuck(policy::Outcome::buffer_full, SpooledBody::kNoRoom); }

// The client is paused by it, or the attempt has taken all but what is on its way to the file, or back.
bool RequestBody::waits_for_disk() const {
  const bool holds_client = !spooled_.ended() && !spooled_.has_room();
  return holds_client || (state_ == State::sending && sent_ < spooled_.received());
}

void RequestBody::time_out(std::string_view late) {
  if (!waits_for_disk()) return user_.on_body_stuck(policy::Outcome::client_timeout, late);
  user_.on_body_stuck(policy::Outcome::buffer_full, "the temporary file of the body was not written or read in time");
}

void RequestBody::watch() {
  const auto progress = [this] {
    return SlowClient::Progress{spooled_.received(), attempt_->client_time(), spooled_.has_room()};
  };
  slow_client_.emplace(responder_.runtime(), limits_, progress, [this] {
    user_.on_body_stuck(policy::Outcome::client_timeout, "the client sends its body more slowly than limits.min_rate");
  });
}

void RequestBody::detach() {
  state_ = State::held;
  attempt_ = nullptr;
  slow_client_.reset();
}

void RequestBody::drive() {
  while (takes_more()) {
    spooled_.consumed(sent_);
    if (sent_ == spooled_.received()) {
      if (spooled_.ended()) return attempt_->end_body();
      break;
    }
    if (attempt_->write_pending() >= SpooledBody::kBufferMax) break;
    if (spooled_.lost(sent_)) return lose();
    if (spooled_.in_file(sent_)) {
      send_from_file();
      break;
    }
    const std::string_view piece = spooled_.peek(sent_).substr(0, SpooledBody::kBufferMax);
    if (piece.empty()) break;  // it is on its way to the file
    attempt_->send_body(piece);
    sent_ += piece.size();
  }
  balance();
}

void RequestBody::send_from_file() {
  reading_file_ = true;
  spooled_.read_file(sent_, [this, reader = attempts_](const Result<std::string>& bytes) {
    reading_file_ = false;
    // What was read for an attempt that has ended is of no use to the next one, which begins at the first byte.
    if (bytes && reader == attempts_ && takes_more()) {
      attempt_->send_body(*bytes);
      sent_ += bytes->size();
    }
    user_.on_body_changed();  // drives this, unless the request has ended meanwhile
  });
}

}  // namespace tidegate::core
