#include "core/exchange/request_body.h"

namespace tidegate::core {

RequestBody::RequestBody(http::Responder& responder, uint64_t keep_max, RequestBodyUser& user)
    : responder_(responder),
      user_(user),
      spooled_(responder.runtime(), keep_max, [this] { user_.on_body_changed(); }) {}

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
  drive();
}

void RequestBody::detach() {
  state_ = State::held;
  attempt_ = nullptr;
}

void RequestBody::drive() {
  while (takes_more()) {
    spooled_.consumed(sent_);
    if (sent_ == spooled_.received()) {
      if (spooled_.ended()) return attempt_->end_body();
      break;
    }
    if (attempt_->write_pending() >= SpooledBody::kBufferMax) break;
    if (spooled_.lost(sent_)) return user_.on_body_lost();
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
