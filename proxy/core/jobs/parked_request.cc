#include "core/jobs/parked_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"
#include "config/store_limits.h"
#include "core/jobs/job_responses.h"
#include "core/jobs/wait_estimate.h"
#include "core/responses.h"
#include "jobs/replay/verdict.h"
#include "net/finished.h"
#include "policy/backoff.h"

namespace tidegate::core {

using jobs::JobStatus;
using policy::Outcome;

ParkedRequest::ParkedRequest(const Parking& parking, ParkedRequestUser& user)
    : parking_(parking), user_(user), timer_(runtime(), [this] { on_timer(); }) {}

void ParkedRequest::start() { on_body_changed(); }

// A body still arriving is read on, under the listener's body_timeout; then the store has until the deadline, and the
// commit bound beyond it.
void ParkedRequest::on_body_changed() {
  if (state_ != State::receiving) return;
  const SpooledBody* const body = parking_.body;
  // With `body: reference`, max_body is for the fetched body, which no store keeps.
  const uint64_t body_max =
      std::min(parking_.route.enqueue->max_body, config::stored_body_max(*parking_.route.queue_config));
  const http::RequestHead& head = parking_.responder.request();
  const bool stated = head.framing == http::Framing::content_length && head.content_length > body_max;
  if (body && (stated || body->received() > body_max)) {
    const bool asked_for = parking_.why == Outcome::queued;
    return refuse(asked_for ? Outcome::body_too_large : parking_.why, std::nullopt,
                  "the body is larger than the queue takes");
  }
  if (body && !body->kept()) {
    return refuse(Outcome::buffer_full, kCommitBound, SpooledBody::kNoRoom);
  }
  if (!body || body->settled()) store();
}

void ParkedRequest::store() {
  state_ = State::storing;
  if (!append_permit_.emplace(*parking_.route.queue)) {
    return queue_refused(Outcome::queue_unavailable, jobs::Refusal::store_unavailable, "the queue has been removed");
  }
  timer_.start_at(std::max(parking_.deadline, runtime().now()) + kCommitBound);
  operation_ = parking_.route.queue->queue->append(
      runtime(), draft(), [this](Result<jobs::Appended> appended) { on_stored(std::move(appended)); });
}

jobs::JobDraft ParkedRequest::draft() {
  const config::Queue& queue = *parking_.route.queue_config;
  const http::RequestHead& request = parking_.responder.request();
  jobs::JobDraft draft;
  draft.id = to_hex(runtime().random_id());
  draft.route = parking_.route.config->name;
  draft.method = std::string(request.method);
  draft.target = request.target;
  draft.fields = job_fields(request, parking_.context, parking_.route.config->timeout_header,
                            parking_.route.enqueue->drop_headers);
  if (parking_.preferences) {
    draft.dedupe_key = parking_.preferences->idempotency_key;
    draft.body_ref = parking_.preferences->body_ref.value_or("");
  }
  if (parking_.body) draft.body = parking_.body->take_content();
  draft.created_at = runtime().wall_now();
  draft.expires_at = draft.created_at + queue.job_ttl;
  draft.max_attempts = queue.replay.max_attempts;
  if (parking_.upstream_wait) {
    // The upstream has just failed it: its first replay waits as a second would, and is not the next failure.
    const policy::BackoffConfig& backoff = queue.replay.backoff;
    const Duration delay = policy::Backoff(backoff).delay(0, backoff.base, runtime().random());
    draft.not_before = jobs::next_attempt_at(delay, *parking_.upstream_wait, draft.created_at, draft.expires_at);
    first_delay_ = draft.not_before - draft.created_at;
  }
  return draft;
}

void ParkedRequest::on_stored(Result<jobs::Appended> appended) {
  const auto finished = net::finished(operation_);
  append_permit_.reset();
  timer_.stop();
  if (!appended) {
    const Error& error = appended.error();
    switch (error.code) {
      case ErrorCode::invalid: return refuse(Outcome::idempotency_conflict, std::nullopt, error.message);
      case ErrorCode::exhausted: return queue_refused(Outcome::queue_full, jobs::refusal_of(error), error.message);
      default: return queue_refused(Outcome::queue_unavailable, jobs::refusal_of(error), error.message);
    }
  }
  if (!appended->existing) parking_.route.queue->metrics->job_event(jobs::JobEvent::accepted);
  job_ = std::move(*appended);
  if (job_.existing && jobs::is_final(job_.status)) return respond_to_end("");
  waits() ? await_end() : respond_accepted(job_.position);
}

void ParkedRequest::on_timer() {
  switch (state_) {
    case State::storing:
      operation_.reset();
      return queue_refused(Outcome::queue_unavailable, jobs::Refusal::store_timeout,
                           "the store did not acknowledge the job in time");
    case State::fetching:  // the result is not to be had now: the job was accepted all the same
      operation_.reset();
      return respond_accepted(std::nullopt);
    case State::receiving:
    case State::awaiting:
    case State::delivering:
    case State::ended: TG_ASSERT(false);
  }
}

// Never beyond the request's own deadline.
void ParkedRequest::await_end() {
  state_ = State::awaiting;
  if (!job_.existing) log_accepted();
  const Time until = std::min(runtime().now() + *parking_.preferences->wait, parking_.deadline);
  job_wait_ = std::make_unique<JobWait>(parking_.worker, *parking_.route.queue, job_.id, until,
                                        [this](Result<jobs::JobRecord> record) { on_job(std::move(record)); });
}

// The request's own line follows when it ends: behind those of the job's attempts.
void ParkedRequest::log_accepted() const {
  log_info("job_accepted", {{"queue", parking_.route.queue_config->name},
                            {"job_id", job_.id},
                            {"request_id", parking_.context.request_id},
                            {"route", parking_.route.config->name}});
}

void ParkedRequest::on_job(Result<jobs::JobRecord> record) {
  const auto finished = net::finished(job_wait_);
  // A store that cannot be queried takes nothing back: the job was accepted.
  if (!record) return respond_accepted(std::nullopt);
  job_.status = record->status;
  if (jobs::is_final(record->status)) return respond_to_end(record->last_error);
  const bool waiting = record->status != JobStatus::running;
  respond_accepted(waiting ? std::optional(record->position) : std::nullopt);
}

// As /_jobs/ID/result would.
void ParkedRequest::respond_to_end(const std::string& last_error) {
  if (job_.status == JobStatus::succeeded) return fetch_result();
  const Outcome outcome = outcome_without_result(job_.status);
  send_problem(parking_.responder,
               {outcome, last_error, parking_.context.request_id, std::nullopt, location() + shared_fields()});
  end({outcome, status_of(outcome)});
}

void ParkedRequest::fetch_result() {
  state_ = State::fetching;
  timer_.start_at(std::max(parking_.deadline, runtime().now()) + kCommitBound);
  operation_ = parking_.route.queue->queue->result(
      runtime(), job_.id, [this](Result<jobs::ResultReader> result) { deliver(std::move(result)); });
}

void ParkedRequest::deliver(Result<jobs::ResultReader> result) {
  const auto finished = net::finished(operation_);
  timer_.stop();
  if (!result) return respond_accepted(std::nullopt);
  state_ = State::delivering;
  response_status_ = result->status;
  result_ = std::make_unique<ResultSender>(parking_.responder, std::move(*result), [this](bool whole) {
    end({whole ? Outcome::responded : Outcome::queue_unavailable, response_status_, result_->sent()});
  });
  result_->start(fmt::format("X-Request-Id: {}\r\n{}{}", parking_.context.request_id, location(), shared_fields()));
}

void ParkedRequest::respond_accepted(std::optional<uint64_t> position) {
  const Duration turn = wait_for_job(parking_.route, position.value_or(0), runtime().now());
  const Duration wait = job_.existing ? turn : std::max(turn, first_delay_);
  const std::string fields = shared_fields();
  AcceptedResponse response;
  response.job_id = job_.id;
  response.jobs_path = parking_.route.listener->jobs_path;
  response.request_id = parking_.context.request_id;
  response.retry_after_s = retry_after_seconds(wait, runtime().random());
  response.status = job_.status;
  if (job_.existing || waits()) response.position = position;
  response.extra_fields = fields;
  send_accepted(parking_.responder, response);
  end({Outcome::queued, 202});
}

// `sentence`: the detail of the response; "" = that of the outcome. `reason`: for the log.
void ParkedRequest::refuse(Outcome outcome, std::optional<Duration> retry_after, std::string reason,
                           const std::string& sentence) {
  send_refusal(parking_.responder, {outcome, sentence, parking_.context.request_id, std::nullopt, {}}, retry_after);
  end({outcome, status_of(outcome), 0, std::move(reason)});
}

// The one word in the response, the log and the metric.
void ParkedRequest::queue_refused(Outcome outcome, jobs::Refusal why, const std::string& message) {
  QueueState& queue = *parking_.route.queue;
  const std::string detail = jobs::with_word(why, message);
  queue.metrics->refused(why);
  queue.refusals.refused(parking_.route.queue_config->name, why, detail, runtime().now());
  const Duration wait = why == jobs::Refusal::store_timeout ? kCommitBound : wait_for_queue(queue, 0);
  refuse(outcome, wait, detail, fmt::format("{} Reason: {}.", describe(outcome), to_string(why)));
}

void ParkedRequest::on_response_drained() {
  if (result_) result_->resume();
}

void ParkedRequest::cancel() {
  state_ = State::ended;
  timer_.stop();
  operation_.reset();
  job_wait_.reset();
}

void ParkedRequest::end(ParkedEnd how) {
  cancel();
  user_.on_parked_request_end(how);
}

std::string ParkedRequest::location() const { return job_location_field(parking_.route.listener->jobs_path, job_.id); }

// What the responses have in common beside their status.
std::string ParkedRequest::shared_fields() const {
  std::string fields;
  if (job_.existing) fields += "Idempotency-Replayed: true\r\n";
  if (waits()) {
    const auto wait_s = std::chrono::duration_cast<std::chrono::seconds>(*parking_.preferences->wait).count();
    fields += fmt::format("Preference-Applied: respond-async, wait={}\r\n", wait_s);
  } else if (parking_.preferences && parking_.preferences->respond_async) {
    fields += "Preference-Applied: respond-async\r\n";
  }
  return fields;
}

}  // namespace tidegate::core
