#include "admin/jobs_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/respond.h"
#include "base/ids.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "jobs/refusal.h"

namespace tidegate::admin {

using Operation = JobsRequest::Operation;

namespace {

constexpr int kPurgePage = 100;
constexpr const char* kRetrySoon = "Retry-After: 1\r\n";

bool changes(Operation operation) {
  return operation != Operation::list_queues && operation != Operation::list && operation != Operation::show;
}

}  // namespace

std::unique_ptr<http::Handler> JobsApi::make(Context& context, http::Responder& responder, Operation operation,
                                             const PathValues& values) {
  JobsRequest request;
  request.operation = operation;
  request.queue = values.queue;
  request.id = values.id;
  auto refused = read_query(responder.request().query, request);
  if (!values.id.empty() && !is_id(values.id)) {
    refused = {404, "not_found", "A job id is 32 hexadecimal digits.", ""};
  }
  if (refused) {
    send_refusal(responder, *refused);
    return nullptr;
  }
  return std::make_unique<JobsApi>(context, responder, std::move(request));
}

JobsApi::JobsApi(Context& context, http::Responder& responder, JobsRequest request)
    : context_(context),
      responder_(responder),
      request_(std::move(request)),
      operator_(responder.request().fields.find("x-operator").value_or("").substr(0, 100)) {}

void JobsApi::on_body_end() {
  if (auto refused = read_body(body_, request_)) return refuse(*refused);
  if (request_.operation == Operation::list_queues) return list_queues();
  const auto found = context_.gateway.policies().queues().find(request_.queue);
  if (found == context_.gateway.policies().queues().end() || !found->second.was_in_force) {
    return refuse({404, "not_found", "There is no such queue.", ""});
  }
  state_ = &found->second;
  held_ = context_.gateway.policies().hold(request_.queue);
  act();
}

void JobsApi::on_body_error(const http::ParseError& error) {
  refuse({error.status, "bad_request", std::string(error.detail), ""});
}

void JobsApi::act() {
  switch (request_.operation) {
    case Operation::list_queues: return list_queues();
    case Operation::list: return list();
    case Operation::show: return show();
    case Operation::purge_many: request_.filter.limit = kPurgePage; return purge_page();
    case Operation::purge: return purge();
    case Operation::replay: return replay();
    case Operation::replay_many: return replay_many();
    case Operation::stop_replay: return stop_replay();
  }
}

void JobsApi::list_queues() {
  std::vector<std::string> queues;
  for (auto& [name, state] : context_.gateway.policies().queues()) {
    if (state.was_in_force) queues.push_back(queue_json(name, *state.queue, context_.bulk, runtime().wall_now()));
  }
  respond(200, JsonWriter().raw("queues", json_array(queues)).take());
}

void JobsApi::list() {
  operation_ = queue().list(runtime(), request_.filter, [this](Result<jobs::JobPage> page) {
    if (!page) return refuse(page.error(), "");
    std::vector<std::string> records;
    for (const jobs::JobRecord& record : page->records) {
      records.push_back(job_json(record, false));
    }
    JsonWriter json;
    json.raw("jobs", json_array(records));
    page->next.empty() ? json.null("next") : json.field("next", page->next);
    respond(200, json.take());
  });
}

void JobsApi::show() {
  operation_ = queue().find(runtime(), request_.id, [this](Result<jobs::JobRecord> record) {
    if (!record) return refuse(record.error(), "");
    respond(200, job_json(*record, true));
  });
}

std::string JobsApi::job_json(const jobs::JobRecord& record, bool history) {
  const core::RouteTable& table = *context_.gateway.table();
  const WallTime now = runtime().wall_now();
  return operator_job_json(request_.queue, record,
                           {now, table.config().log.query, history,
                            core::next_attempt(context_.gateway, table, record, runtime().now(), now)});
}

// A finished job is deleted, a waiting one is cancelled, a running one is refused.
void JobsApi::purge() {
  operation_ = queue().purge(runtime(), request_.id, [this](Status done) {
    if (!done && done.error().code == ErrorCode::conflict) return cancel();
    if (!done) return refuse(done.error(), "");
    log("purged", 1);
    respond(200, JsonWriter().field("job_id", request_.id).field("done", "purged").take());
  });
}

void JobsApi::cancel() {
  operation_ = queue().cancel(runtime(), request_.id, [this](Status done) {
    if (!done) return refuse(done.error(), "The job is running; it can be purged once it has finished.");
    state_->metrics->job_event(jobs::JobEvent::cancelled);
    log("cancelled", 1);
    respond(200, JsonWriter().field("job_id", request_.id).field("done", "cancelled").take());
  });
}

void JobsApi::replay() {
  operation_ = queue().replay(runtime(), request_.id, request_.force, [this](Status done) {
    if (!done && jobs::is_replayed_too_often(done.error())) {
      return refuse(
          {409, "replayed_too_often",
           fmt::format("The job has been replayed {} times and failed each time; use `force` to replay it again.",
                       jobs::JobQueue::kReplaysMax),
           ""});
    }
    if (!done) return refuse(done.error(), "Only a dead job can be replayed.");
    log("replayed", 1);
    respond(200, JsonWriter().field("job_id", request_.id).field("done", "replayed").take());
  });
}

void JobsApi::replay_many() {
  std::unique_ptr<BulkReplay>& bulk = context_.bulk[request_.queue];
  if (bulk && bulk->running()) {
    return refuse({409, "replay_running", "A replay of this queue is already running; stop it with DELETE.", ""});
  }
  // It runs on the admin interface's event loop, which outlives this request.
  bulk = std::make_unique<BulkReplay>(runtime(), queue(), held_, request_);
  log("bulk_replay_started", 0);
  respond(202, bulk->json());
}

void JobsApi::stop_replay() {
  const auto found = context_.bulk.find(request_.queue);
  if (found == context_.bulk.end() || !found->second->running()) {
    return refuse({404, "not_found", "No replay of this queue is running.", ""});
  }
  found->second->stop();
  log("bulk_replay_stopped", 0);
  respond(200, found->second->json());
}

void JobsApi::purge_page() {
  request_.filter.limit = static_cast<int>(std::min<uint64_t>(kPurgePage, request_.limit - purged_));
  operation_ = queue().list(runtime(), request_.filter, [this](Result<jobs::JobPage> page) {
    if (!page) return stop_purge(page.error());
    for (const jobs::JobRecord& record : page->records) ids_.push_back(record.id);
    last_page_ = page->next.empty();
    request_.filter.after = page->next;
    purge_next();
  });
}

void JobsApi::purge_next() {
  if (ids_.empty()) return last_page_ || purged_ >= request_.limit ? respond_purged() : purge_page();
  const std::string id = ids_.back();
  ids_.pop_back();
  operation_ = queue().purge(runtime(), id, [this](Status done) {
    if (done) ++purged_;
    const bool passed = done || done.error().code == ErrorCode::conflict || done.error().code == ErrorCode::not_found;
    if (!passed) return stop_purge(done.error());
    purge_next();
  });
}

void JobsApi::stop_purge(Error why) {
  if (purged_ > 0) {
    log("purged_many", purged_);
    why.message += fmt::format("; {} jobs were purged before", purged_);
  }
  refuse(why, "");
}

void JobsApi::respond_purged() {
  log("purged_many", purged_);
  respond(200, JsonWriter().field("purged", purged_).field("more", !last_page_).take());
}

void JobsApi::respond(uint16_t status, const std::string& json) {
  respond_json(responder_, status, json);
  operation_.reset();
}

void JobsApi::refuse(const Refused& refused) {
  if (changes(request_.operation)) log_refused(responder_, refused);
  send_refusal(responder_, refused);
  operation_.reset();
}

void JobsApi::refuse(const Error& error, std::string conflict) {
  if (error.code == ErrorCode::not_found) return refuse({404, "not_found", "There is no such job.", ""});
  if (error.code == ErrorCode::conflict) return refuse({409, "job_conflict", std::move(conflict), ""});
  if (error.code == ErrorCode::invalid) return refuse({400, "bad_request", error.message, ""});
  if (error.code == ErrorCode::exhausted) {
    return refuse({503, "queue_full", "The queue is full: " + jobs::with_word(jobs::refusal_of(error), error.message),
                   kRetrySoon});
  }
  refuse({503, "queue_unavailable", "The queue is unavailable: " + error.message, kRetrySoon});
}

// Who did what to which job, and why.
void JobsApi::log(std::string_view action, uint64_t jobs) const {
  log_info("operator_action", {{"action", action},
                               {"operation", to_string(request_.operation)},
                               {"queue", request_.queue},
                               {"job_id", request_.id},
                               {"jobs", jobs},
                               {"force", request_.force},
                               {"peer", responder_.peer().to_string()},
                               {"operator", operator_},
                               {"reason", request_.reason}});
}

}  // namespace tidegate::admin
