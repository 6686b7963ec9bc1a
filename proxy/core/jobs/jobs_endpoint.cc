#include "core/jobs/jobs_endpoint.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "core/access_log.h"
#include "core/jobs/job_responses.h"
#include "core/jobs/next_attempt.h"
#include "core/jobs/wait_estimate.h"
#include "core/responses.h"
#include "http/message/prefer.h"
#include "net/finished.h"

namespace tidegate::core {

using jobs::JobRecord;
using jobs::JobStatus;
using policy::Outcome;

namespace {

void time_field(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  time ? json.field(name, to_rfc3339(*time)) : json.null(name);
}

}  // namespace

std::string job_json(const JobRecord& record, const std::optional<WallTime>& next_attempt_at) {
  JsonWriter json;
  json.field("job_id", record.id)
      .field("status", to_string(record.status))
      .field("attempt", record.attempt)
      .field("max_attempts", record.max_attempts)
      .field("deferrals", record.deferrals);
  time_field(json, "next_attempt_at", next_attempt_at);
  const bool waiting = record.status == JobStatus::queued || record.status == JobStatus::retrying;
  waiting ? json.field("position", record.position) : json.null("position");
  record.last_error.empty() ? json.null("last_error") : json.field("last_error", record.last_error);
  record.result_status ? json.field("result_status", record.result_status) : json.null("result_status");
  json.field("created_at", to_rfc3339(record.created_at));
  time_field(json, "finished_at", record.finished_at);
  return json.take();
}

JobsHandler::JobsHandler(Worker& worker, std::shared_ptr<const RouteTable> table, const ListenerRoutes& listener,
                         metrics::RouteMetrics& metrics, http::Responder& responder)
    : worker_(worker),
      table_(std::move(table)),
      listener_(listener),
      metrics_(metrics),
      responder_(responder),
      request_id_(to_hex(responder.runtime().random_id())),
      begun_(responder.runtime().now()) {
  metrics_.begun();
}

void JobsHandler::start() {
  if (understand()) look();
}

bool JobsHandler::understand() {
  const http::RequestHead& head = responder_.request();
  std::string_view rest = head.path.substr(listener_.config->jobs_path.size());
  const bool wants_result = rest.ends_with("/result");
  if (wants_result) rest.remove_suffix(7);
  if (!is_id(rest)) {
    problem(Outcome::not_found);
    return false;
  }
  id_ = rest;
  if (const auto wait_s = http::preferences_of(head.fields).wait_s) {
    wait_ = std::min<Duration>(std::chrono::seconds(*wait_s), kWaitMax);
  }
  if (head.method == "GET" || head.method == "HEAD") {
    ask_ = wants_result ? Ask::result : Ask::status;
  } else if (head.method == "DELETE" && !wants_result) {
    ask_ = Ask::cancel;
  } else {
    problem(Outcome::method_not_allowed, "", {},
            wants_result ? "Allow: GET, HEAD\r\n" : "Allow: GET, HEAD, DELETE\r\n");
    return false;
  }
  return true;
}

// The listener's queues are queried one after the other; there is rarely more than one.
void JobsHandler::look() {
  if (queue_index_ == listener_.queues.size()) return problem(Outcome::not_found);
  operation_ = queue().queue->find(responder_.runtime(), id_, [this](Result<JobRecord> record) {
    if (record) return found(*record);
    if (record.error().code != ErrorCode::not_found) {
      return problem(Outcome::queue_unavailable, "", wait_for_queue(queue(), 0));
    }
    ++queue_index_;
    look();
  });
}

void JobsHandler::found(const JobRecord& record) {
  if (ask_ != Ask::cancel && wait_ && !jobs::is_final(record.status)) return await_end();
  respond(record);
}

void JobsHandler::await_end() {
  const auto wait_s = std::chrono::duration_cast<std::chrono::seconds>(*wait_).count();
  applied_ = fmt::format("Preference-Applied: wait={}\r\n", wait_s);
  const Time until = responder_.runtime().now() + *wait_;
  waiting_ = std::make_unique<JobWait>(worker_, queue(), id_, until, [this](Result<JobRecord> record) {
    const auto finished = net::finished(waiting_);
    if (record) return respond(*record);
    if (record.error().code == ErrorCode::not_found) return problem(Outcome::not_found);
    problem(Outcome::queue_unavailable, "", wait_for_queue(queue(), 0));
  });
}

void JobsHandler::respond(const JobRecord& record) {
  if (ask_ == Ask::status) return send_status(record);
  if (ask_ == Ask::cancel) return cancel(record);
  if (record.status == JobStatus::succeeded) return fetch_result();
  const Outcome outcome = outcome_without_result(record.status);
  if (outcome == Outcome::job_not_finished) return problem(outcome, "", wait_for(record));
  problem(outcome, outcome == Outcome::job_failed ? record.last_error : "");
}

Duration JobsHandler::wait_for(const JobRecord& record) const {
  const RouteState* route = table_->find_route(record.route);
  Duration wait =
      route && route->queue ? wait_for_job(*route, record.position, responder_.runtime().now()) : Duration(1s);
  for (const auto& at : {next_attempt_at(record), record.next_attempt_at}) {
    if (at) wait = std::max(wait, *at - responder_.runtime().wall_now());
  }
  return wait;
}

std::optional<WallTime> JobsHandler::next_attempt_at(const JobRecord& record) const {
  net::Runtime& runtime = responder_.runtime();
  return next_attempt(worker_.gateway(), *table_, record, runtime.now(), runtime.wall_now()).at;
}

void JobsHandler::send_status(const JobRecord& record) {
  std::string fields = fmt::format("Cache-Control: no-store\r\nX-Request-Id: {}\r\n{}", request_id_, applied_);
  if (!is_final(record.status))
    fields += fmt::format("Retry-After: {}\r\n", retry_after_seconds(wait_for(record), random()));
  responder_.respond(200, "application/json", job_json(record, next_attempt_at(record)), fields);
  end(Outcome::responded, 200);
}

void JobsHandler::fetch_result() {
  operation_ = queue().queue->result(responder_.runtime(), id_, [this](Result<jobs::ResultReader> result) {
    if (result) return send_result(std::move(*result));
    if (result.error().code == ErrorCode::not_found) return problem(Outcome::result_gone);
    problem(Outcome::queue_unavailable, "", wait_for_queue(queue(), 0));
  });
}

void JobsHandler::send_result(jobs::ResultReader result) {
  const uint16_t status = result.status;  // the upstream's
  result_ = std::make_unique<ResultSender>(responder_, std::move(result), [this, status](bool whole) {
    end(whole ? Outcome::responded : Outcome::queue_unavailable, status);
  });
  result_->start(fmt::format("X-Request-Id: {}\r\n{}", request_id_, applied_));
}

void JobsHandler::on_response_drained() {
  if (result_) result_->resume();
}

void JobsHandler::cancel(const JobRecord& record) {
  operation_ = queue().queue->cancel(responder_.runtime(), id_, [this, status = record.status](Status done) {
    if (done) {
      queue().metrics->job_event(jobs::JobEvent::cancelled);
      queue().events.notify(id_);
      responder_.respond(204, "", "", fmt::format("X-Request-Id: {}\r\n", request_id_));
      return end(Outcome::responded, 204);
    }
    if (done.error().code == ErrorCode::conflict) {
      return problem(Outcome::job_conflict, fmt::format("A job that is {} cannot be cancelled.", to_string(status)));
    }
    problem(Outcome::queue_unavailable, "", wait_for_queue(queue(), 0));
  });
}

void JobsHandler::problem(Outcome outcome, std::string_view detail, std::optional<Duration> retry_after,
                          std::string extra_fields) {
  std::optional<int64_t> retry_after_s;
  if (retry_after) retry_after_s = retry_after_seconds(*retry_after, random());
  send_problem(responder_,
               {outcome, detail, request_id_, retry_after_s, applied_ + "Cache-Control: no-store\r\n" + extra_fields});
  end(outcome, status_of(outcome));
}

void JobsHandler::on_body_error(const http::ParseError& error) {
  responder_.abort();
  end(Outcome::bad_request, error.status);
}

void JobsHandler::on_client_gone() { end(Outcome::client_closed, status_of(Outcome::client_closed)); }

void JobsHandler::end(Outcome outcome, uint16_t code) {
  operation_.reset();
  waiting_.reset();
  const Duration took = responder_.runtime().now() - begun_;
  metrics_.ended(responder_.request().method, code, outcome, took);
  // Polling is the normal case: it is not an error worth a line.
  const config::Log& log = table_->config().log;
  const bool normal = outcome == Outcome::responded || outcome == Outcome::job_not_finished;
  if (normal && log.access == config::AccessLog::errors) return;
  const IpAddress client = responder_.peer().ip;
  log_access({responder_.request(), kRoute, outcome, code, took, client, request_id_, 0, "",
              result_ ? result_->sent() : 0, "", id_},
             log);
}

}  // namespace tidegate::core
