// The Exchange's way into the queue: the draft, the store's verdict, and what the client of an accepted job gets: 202,
// or the stored result where the job has ended (an earlier one with the same key, or one that was waited for).
#include <algorithm>

#include <fmt/format.h>

#include "core/exchange/exchange.h"
#include "core/jobs/wait_estimate.h"
#include "core/responses.h"

namespace tidegate::core {

using jobs::JobStatus;
using policy::Outcome;

void Exchange::park(const policy::Park& step) {
  state_ = State::parking;
  parked_for_ = step.why;
  if (by_reference()) {
    body_.reset();             // the reference stands for it;
    responder_.resume_body();  // what still comes of it is dropped
    return store();
  }
  store_when_whole();
}

// A body still arriving is read on, under the listener's body_timeout; then the store has until the deadline, and the
// commit bound beyond it.
void Exchange::store_when_whole() {
  if (storing_ || by_reference()) return;
  if (!can_resend() || (body_ && body_->received() > route_.enqueue->max_body)) {
    failure_ = "the body is larger than the queue takes";
    return parked_for_ == Outcome::queued ? refuse(Outcome::body_too_large, std::nullopt) : refuse(parked_for_, 1s);
  }
  if (!body_ || body_->settled()) return store();
  balance_client();
}

void Exchange::store() {
  timer_.start_at(std::max(plan_->deadline(), runtime().now()) + kCommitBound);
  storing_ = route_.queue->queue->append(runtime(), draft(),
                                         [this](Result<jobs::Appended> appended) { stored(std::move(appended)); });
}

jobs::JobDraft Exchange::draft() {
  const config::Queue& queue = *route_.queue_config;
  jobs::JobDraft draft;
  draft.id = to_hex(runtime().random_id());
  draft.route = route_.config->name;
  draft.method = std::string(head().method);
  draft.target = origin_form(head());
  draft.fields = job_fields(head(), context_, route_.config->timeout_header, route_.enqueue->drop_headers);
  if (preferences_) draft.dedupe_key = preferences_->key;
  if (by_reference()) {
    draft.body_ref = *preferences_->body_ref;
  } else if (body_) {
    draft.body = body_->take_content();
  }
  draft.created_at = runtime().wall_now();
  draft.expires_at = draft.created_at + queue.job_ttl;
  draft.max_attempts = queue.replay.max_attempts;
  if (plan_->attempts() > 0) {
    // The upstream has just failed it: its first replay waits as a second would, and is not the next failure.
    const policy::BackoffConfig& backoff = queue.replay.backoff;
    draft.not_before = draft.created_at + policy::Backoff(backoff).delay(0, backoff.base, runtime().random());
  }
  return draft;
}

void Exchange::stored(Result<jobs::Appended> appended) {
  const auto finished = std::move(storing_);  // this is its callback
  if (!appended) {
    failure_ = appended.error().message;
    switch (appended.error().code) {
      case ErrorCode::invalid: return refuse(Outcome::idempotency_conflict, std::nullopt);
      case ErrorCode::exhausted: return refuse(Outcome::queue_full, wait_for_queue(*route_.queue, 0));
      default: return refuse(Outcome::queue_unavailable, wait_for_queue(*route_.queue, 0));
    }
  }
  timer_.stop();
  note_failure(parked_for_);
  if (!appended->existing) route_.queue->metrics->job_event(jobs::JobEvent::accepted);
  job_ = std::move(*appended);
  state_ = State::awaiting;
  if (job_->existing && jobs::is_final(job_->status)) return answer_final(job_->status, "");
  if (preferences_ && preferences_->wait) return await_end(*job_);
  answer_accepted(job_->status, job_->position);
}

// Never beyond the request's own deadline.
void Exchange::await_end(const jobs::Appended& job) {
  const Time until = std::min(runtime().now() + *preferences_->wait, plan_->deadline());
  job_wait_ = std::make_unique<JobWait>(worker_, *route_.queue, job.id, until,
                                        [this](Result<jobs::JobRecord> record) { job_seen(std::move(record)); });
}

void Exchange::job_seen(Result<jobs::JobRecord> record) {
  const auto waited = std::move(job_wait_);  // this is its callback
  // A store that does not tell takes nothing back: the job was accepted.
  if (!record) return answer_accepted(job_->status, std::nullopt);
  job_->status = record->status;
  if (jobs::is_final(record->status)) return answer_final(record->status, record->last_error);
  const bool waiting = record->status != JobStatus::running;
  answer_accepted(record->status, waiting ? std::optional(record->position) : std::nullopt);
}

// As /_jobs/ID/result would.
void Exchange::answer_final(JobStatus status, const std::string& last_error) {
  if (status != JobStatus::succeeded) {
    const Outcome outcome = status == JobStatus::dead ? Outcome::job_failed : Outcome::result_gone;
    send_problem(responder_,
                 {outcome, last_error, context_.request_id, std::nullopt, job_location() + job_answer_fields()});
    return end(outcome, status_of(outcome));
  }
  timer_.start_at(std::max(plan_->deadline(), runtime().now()) + kCommitBound);
  storing_ = route_.queue->queue->result(runtime(), job_->id,
                                         [this](Result<jobs::ResultReader> result) { deliver(std::move(result)); });
}

void Exchange::deliver(Result<jobs::ResultReader> result) {
  const auto finished = std::move(storing_);  // this is its callback
  timer_.stop();
  if (!result) return answer_accepted(job_->status, std::nullopt);
  state_ = State::delivering;
  answer_status_ = result->status;
  result_ = std::make_unique<ResultSender>(responder_, std::move(*result), [this](bool whole) {
    answer_bytes_ = result_->sent();
    end(whole ? Outcome::responded : Outcome::queue_unavailable, answer_status_);
  });
  result_->start(fmt::format("X-Request-Id: {}\r\n{}{}", context_.request_id, job_location(), job_answer_fields()));
}

void Exchange::answer_accepted(JobStatus status, std::optional<uint64_t> position) {
  const Duration wait = wait_for_job(route_, position.value_or(0), runtime().now());
  const std::string fields = job_answer_fields();
  AcceptedResponse answer;
  answer.job_id = job_->id;
  answer.jobs_path = route_.listener->jobs_path;
  answer.request_id = context_.request_id;
  answer.retry_after_s = retry_after_seconds(wait, runtime().random());
  answer.status = to_string(status);
  if (job_->existing || (preferences_ && preferences_->wait)) answer.position = position;
  answer.extra_fields = fields;
  send_accepted(responder_, answer);
  end(Outcome::queued, 202);
}

std::string Exchange::job_location() const {
  return fmt::format("Location: {}{}\r\n", route_.listener->jobs_path, job_->id);
}

// What the answers have in common beside their status.
std::string Exchange::job_answer_fields() const {
  std::string fields;
  if (job_->existing) fields += "Idempotency-Replayed: true\r\n";
  if (preferences_ && preferences_->wait) {
    const auto wait_s = std::chrono::duration_cast<std::chrono::seconds>(*preferences_->wait).count();
    fields += fmt::format("Preference-Applied: respond-async, wait={}\r\n", wait_s);
  } else if (preferences_ && preferences_->async) {
    fields += "Preference-Applied: respond-async\r\n";
  }
  return fields;
}

}  // namespace tidegate::core
