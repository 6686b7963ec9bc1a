#include "admin/jobs_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"
#include "base/log.h"

namespace tidegate::admin {

using Ask = JobsRequest::Ask;

namespace {

constexpr int kPurgePage = 100;
constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

std::string_view name_of(Ask ask) {
  switch (ask) {
    case Ask::queues: return "queues";
    case Ask::list: return "list";
    case Ask::show: return "show";
    case Ask::purge_many: return "purge_many";
    case Ask::purge: return "purge";
    case Ask::replay: return "replay";
    case Ask::replay_many: return "replay_many";
    case Ask::stop_replay: return "stop_replay";
  }
  return "?";
}

void log_refused(http::Responder& responder, const Refused& refused) {
  log_warn("operator_refused", {{"method", responder.request().method},
                                {"path", responder.request().path},
                                {"peer", responder.peer().to_string()},
                                {"reason", refused.reason}});
}

}  // namespace

std::unique_ptr<http::Handler> JobsApi::make(core::Gateway& gateway, BulkReplays& bulk, http::Responder& responder) {
  auto read = read_request(responder.request());
  if (const auto* refused = std::get_if<Refused>(&read)) {
    answer_refused(responder, *refused);
    return nullptr;
  }
  auto& request = std::get<JobsRequest>(read);
  if (request.changes()) {
    if (const auto refused = refuse_mutation(responder.request(), gateway.config().admin)) {
      log_refused(responder, *refused);
      answer_refused(responder, *refused);
      return nullptr;
    }
  }
  return std::make_unique<JobsApi>(gateway, bulk, responder, std::move(request));
}

JobsApi::JobsApi(core::Gateway& gateway, BulkReplays& bulk, http::Responder& responder, JobsRequest request)
    : gateway_(gateway),
      bulk_(bulk),
      responder_(responder),
      request_(std::move(request)),
      operator_(responder.request().fields.find("x-operator").value_or("").substr(0, 100)) {}

void JobsApi::on_body_end() {
  if (auto refused = read_body(body_, request_)) return refuse(*refused);
  if (request_.ask == Ask::queues) return answer_queues();
  const auto found = gateway_.queues().find(request_.queue);
  if (found == gateway_.queues().end()) return refuse({404, "not_found", "There is no such queue.", ""});
  state_ = &found->second;
  act();
}

void JobsApi::on_body_error(const http::ParseError& error) {
  refuse({error.status, "bad_request", std::string(error.detail), ""});
}

void JobsApi::act() {
  switch (request_.ask) {
    case Ask::queues: return answer_queues();
    case Ask::list: return list();
    case Ask::show: return show();
    case Ask::purge_many: request_.filter.limit = kPurgePage; return purge_page();
    case Ask::purge: return purge();
    case Ask::replay: return replay();
    case Ask::replay_many: return replay_many();
    case Ask::stop_replay: return stop_replay();
  }
}

void JobsApi::answer_queues() {
  std::vector<std::string> queues;
  for (auto& [name, state] : gateway_.queues()) {
    queues.push_back(queue_json(name, *state.queue, bulk_, runtime().wall_now()));
  }
  answer(200, JsonWriter().raw("queues", json_array(queues)).take());
}

void JobsApi::list() {
  operation_ = queue().list(runtime(), request_.filter, [this](Result<jobs::JobPage> page) {
    if (!page) return refuse(page.error(), "");
    std::vector<std::string> records;
    for (const jobs::JobRecord& record : page->records) {
      records.push_back(operator_job_json(request_.queue, record, runtime().wall_now(), false));
    }
    JsonWriter json;
    json.raw("jobs", json_array(records));
    page->next.empty() ? json.null("next") : json.field("next", page->next);
    answer(200, json.take());
  });
}

void JobsApi::show() {
  operation_ = queue().find(runtime(), request_.id, [this](Result<jobs::JobRecord> record) {
    if (!record) return refuse(record.error(), "");
    answer(200, operator_job_json(request_.queue, *record, runtime().wall_now(), true));
  });
}

// What has ended is forgotten; what waits is cancelled; what runs is left alone.
void JobsApi::purge() {
  operation_ = queue().purge(runtime(), request_.id, [this](Status done) {
    if (!done && done.error().code == ErrorCode::conflict) return cancel();
    if (!done) return refuse(done.error(), "");
    log("purged");
    answer(200, JsonWriter().field("job_id", request_.id).field("done", "purged").take());
  });
}

void JobsApi::cancel() {
  operation_ = queue().cancel(runtime(), request_.id, [this](Status done) {
    if (!done) return refuse(done.error(), "The job is running: it can be purged once it has ended.");
    state_->metrics->job_event("cancelled");
    log("cancelled");
    answer(200, JsonWriter().field("job_id", request_.id).field("done", "cancelled").take());
  });
}

void JobsApi::replay() {
  operation_ = queue().replay(runtime(), request_.id, request_.force, [this](Status done) {
    if (!done && done.error().code == ErrorCode::exhausted) {
      return refuse({409, "replayed_too_often",
                     fmt::format("The job has been replayed {} times and died each time; `force` replays it again.",
                                 jobs::JobQueue::kReplaysMax),
                     ""});
    }
    if (!done) return refuse(done.error(), "Only a job that is dead can be replayed.");
    log("replayed");
    answer(200, JsonWriter().field("job_id", request_.id).field("done", "replayed").take());
  });
}

void JobsApi::replay_many() {
  std::unique_ptr<BulkReplay>& bulk = bulk_[request_.queue];
  if (bulk && bulk->running()) {
    return refuse({409, "replay_running", "A replay of this queue is under way; DELETE stops it.", ""});
  }
  // The admin interface's loop, which outlives this request.
  bulk = std::make_unique<BulkReplay>(runtime(), queue(), request_);
  log("bulk_replay_started");
  answer(202, bulk->json());
}

void JobsApi::stop_replay() {
  const auto found = bulk_.find(request_.queue);
  if (found == bulk_.end() || !found->second->running()) {
    return refuse({404, "not_found", "No replay of this queue is under way.", ""});
  }
  found->second->stop();
  log("bulk_replay_stopped");
  answer(200, found->second->json());
}

void JobsApi::purge_page() {
  request_.filter.limit = static_cast<int>(std::min<uint64_t>(kPurgePage, request_.limit - purged_));
  operation_ = queue().list(runtime(), request_.filter, [this](Result<jobs::JobPage> page) {
    if (!page) return refuse(page.error(), "");
    for (const jobs::JobRecord& record : page->records) ids_.push_back(record.id);
    last_page_ = page->next.empty();
    request_.filter.after = page->next;
    purge_next();
  });
}

void JobsApi::purge_next() {
  if (ids_.empty()) return last_page_ || purged_ >= request_.limit ? answer_purged() : purge_page();
  const std::string id = ids_.back();
  ids_.pop_back();
  operation_ = queue().purge(runtime(), id, [this](Status done) {
    if (done) ++purged_;
    const bool passed = done || done.error().code == ErrorCode::conflict || done.error().code == ErrorCode::not_found;
    if (!passed) return refuse(done.error(), "");
    purge_next();
  });
}

void JobsApi::answer_purged() {
  log("purged_many");
  answer(200, JsonWriter().field("purged", purged_).field("more", !last_page_).take());
}

void JobsApi::answer(uint16_t status, const std::string& json) {
  responder_.answer(status, "application/json", json, kNoStore);
  operation_.reset();
}

void JobsApi::refuse(const Refused& refused) {
  if (request_.changes()) log_refused(responder_, refused);
  answer_refused(responder_, refused);
  operation_.reset();
}

void JobsApi::refuse(const Error& error, std::string conflict) {
  if (error.code == ErrorCode::not_found) return refuse({404, "not_found", "There is no such job.", ""});
  if (error.code == ErrorCode::conflict) return refuse({409, "job_conflict", std::move(conflict), ""});
  if (error.code == ErrorCode::invalid) return refuse({400, "bad_request", error.message, ""});
  refuse({503, "queue_unavailable", "The queue cannot be asked now: " + error.message, "Retry-After: 1\r\n"});
}

// Who did what, to what, and why.
void JobsApi::log(std::string_view what) const {
  log_info("operator", {{"did", what},
                        {"asked", name_of(request_.ask)},
                        {"queue", request_.queue},
                        {"job", request_.id},
                        {"jobs", purged_},
                        {"force", request_.force},
                        {"peer", responder_.peer().to_string()},
                        {"operator", operator_},
                        {"reason", request_.reason}});
}

}  // namespace tidegate::admin
