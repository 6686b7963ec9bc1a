// The Exchange's request body: from the client to the attempt, to the kept body, or to the store.
#include <algorithm>

#include "core/exchange/exchange.h"
#include "core/responses.h"

namespace tidegate::core {

using policy::Outcome;

void Exchange::on_body(std::string_view piece) {
  if (!body_ || ignores_body()) return;
  const bool deliver = attempt_ && attempt_->takes_body() && !reading_file_ && sent_ == body_->received();
  if (!deliver) {
    body_->append(piece);
  } else {
    body_->append_delivered(piece);
    attempt_->send_body(piece);
    sent_ += piece.size();
  }
  if (state_ == State::parking) return store_when_whole();
  balance_client();
}

void Exchange::on_body_end() {
  if (!body_ || ignores_body()) return;
  body_->end();
  if (state_ == State::parking) return store_when_whole();
  pump();
}

void Exchange::on_body_error(const http::ParseError& error) {
  // Where the job needs no more of it, it takes nothing back: the answer comes all the same, then the connection ends.
  if (ignores_body() && !answer_begun()) return;
  attempt_.reset();
  if (plan_) plan_->abandon();
  failure_ = error.detail;
  const Outcome outcome = outcome_of(error);
  if (!answer_begun()) return refuse(outcome, std::nullopt, error.detail);
  responder_.abort();
  end(outcome, answer_status_);
}

void Exchange::on_client_gone() {
  if (plan_) plan_->abandon();
  end(Outcome::client_closed, status_of(Outcome::client_closed));
}

// Sends what has come and was not sent yet in this try.
void Exchange::pump() {
  if (state_ == State::ended) return;
  while (body_ && attempt_ && attempt_->takes_body() && !reading_file_) {
    body_->consumed(sent_);
    if (sent_ == body_->received()) {
      if (body_->ended()) return attempt_->end_body();
      break;
    }
    if (attempt_->write_pending() >= kBufferMax) break;
    if (body_->lost(sent_)) {
      attempt_.reset();
      plan_->abandon();
      failure_ = "the kept body was lost";
      if (state_ == State::relaying) {
        responder_.abort();
        return end(Outcome::queue_unavailable, answer_status_);
      }
      return refuse(Outcome::queue_unavailable, kCommitBound);
    }
    if (body_->in_file(sent_)) {
      send_from_file();
      break;
    }
    const std::string_view piece = body_->peek(sent_).substr(0, kBufferMax);
    if (piece.empty()) break;  // it is on its way to the file
    attempt_->send_body(piece);
    sent_ += piece.size();
  }
  if (body_) balance_client();
}

void Exchange::send_from_file() {
  reading_file_ = true;
  body_->read_file(sent_, [this, reader = plan_->attempts()](Result<std::string> bytes) {
    reading_file_ = false;
    // What was read for a try that has ended is of no use to the next one, which begins at 0.
    if (bytes && reader == plan_->attempts() && attempt_ && attempt_->takes_body()) {
      attempt_->send_body(*bytes);
      sent_ += bytes->size();
    }
    pump();
  });
}

void Exchange::body_changed() {
  if (state_ == State::ended) return;
  if (state_ == State::parking) return store_when_whole();
  pump();
}

// The client is read only as fast as its body finds room.
void Exchange::balance_client() {
  if (body_->ended()) return;
  const bool upstream_full = attempt_ && attempt_->write_pending() >= kBufferMax;
  body_->has_room() && !upstream_full ? responder_.resume_body() : responder_.pause_body();
}

}  // namespace tidegate::core
