// The Exchange's request body: from the client to the attempt, to the kept body, or to the store.
#include <algorithm>

#include "core/answers.h"
#include "core/exchange.h"
#include "core/listener_service.h"
#include "core/wait_estimate.h"

namespace tidegate::core {

using policy::Outcome;

void Exchange::on_body(std::string_view piece) {
  if (!body_) return;
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
  if (!body_) return;
  body_->end();
  if (state_ == State::parking) return store_when_whole();
  pump();
}

void Exchange::on_body_error(const http::ParseError& error) {
  attempt_.reset();
  if (plan_) plan_->client_gone();
  failure_ = error.detail;
  const Outcome outcome = outcome_of(error);
  if (state_ != State::relaying) return refuse(outcome, std::nullopt, error.detail);
  responder_.abort();
  end(outcome, answer_status_);
}

void Exchange::on_client_gone() {
  if (plan_) plan_->client_gone();
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
      plan_->client_gone();
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

// ---- parking ----

void Exchange::park(const policy::Park& step) {
  state_ = State::parking;
  parked_for_ = step.why;
  store_when_whole();
}

// A body still arriving is read on, under the listener's body_timeout; then the store has until the deadline, and the
// commit bound beyond it.
void Exchange::store_when_whole() {
  if (storing_) return;
  if (!can_resend() || (body_ && body_->received() > route_.enqueue->max_body)) {
    failure_ = "the body is larger than the queue takes";
    return parked_for_ == Outcome::queued ? refuse(Outcome::body_too_large, std::nullopt) : refuse(parked_for_, 1s);
  }
  if (!body_ || body_->settled()) return store();
  balance_client();
}

void Exchange::store() {
  const Time now = runtime().now();
  timer_.start_at(std::max(plan_->deadline(), now) + kCommitBound);
  const config::Queue& queue = service_.worker().gateway().config().queues.at(route_.enqueue->queue);
  jobs::JobDraft draft;
  draft.id = to_hex(runtime().random_id());
  draft.route = route_.config->name;
  draft.method = std::string(head().method);
  draft.target = origin_form(head());
  draft.fields = job_fields(head(), context_, route_.config->timeout_header, route_.enqueue->drop_headers);
  if (body_) draft.body = body_->take_content();
  draft.created_at = runtime().wall_now();
  draft.expires_at = draft.created_at + queue.job_ttl;
  draft.max_attempts = queue.replay.max_attempts;
  if (plan_->attempts() > 0) {
    // The upstream has just failed it: its first replay waits as a second would, and is not the next failure.
    const policy::BackoffConfig& backoff = queue.replay.backoff;
    draft.not_before = draft.created_at + policy::Backoff(backoff).delay(0, backoff.base, runtime().random());
  }
  storing_ = route_.queue->queue->append(runtime(), std::move(draft),
                                         [this](Result<jobs::Appended> appended) { stored(std::move(appended)); });
}

void Exchange::stored(Result<jobs::Appended> appended) {
  if (!appended) {
    failure_ = appended.error().message;
    const bool full = appended.error().code == ErrorCode::exhausted;
    return refuse(full ? Outcome::queue_full : Outcome::queue_unavailable, wait_for_queue(*route_.queue, 0));
  }
  route_.queue->metrics->job_event("accepted");
  const Duration wait = wait_for_job(route_, appended->position, runtime().now());
  note_failure(parked_for_);
  answer_queued(responder_, {appended->id, service_.config().jobs_path, context_.request_id,
                             retry_after_seconds(wait, runtime().random())});
  end(Outcome::queued, 202);
}

}  // namespace tidegate::core
