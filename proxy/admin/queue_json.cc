#include "admin/queue_json.h"

#include <vector>

#include <fmt/format.h>

#include "base/json_writer.h"

namespace tidegate::admin {

namespace {

void time_field(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  time ? json.field(name, to_rfc3339(*time)) : json.null(name);
}

void text_field(JsonWriter& json, std::string_view name, const std::string& text) {
  text.empty() ? json.null(name) : json.field(name, text);
}

std::string quoted(const std::string& text) {
  std::string json = "\"";
  append_json_escaped(json, text);
  return json + '"';
}

std::string attempt_json(const jobs::AttemptRecord& attempt) {
  JsonWriter json;
  json.field("at", to_rfc3339(attempt.at)).field("took_s", to_seconds(attempt.took)).field("error", attempt.error);
  json.field("deferrals", attempt.deferrals);
  return json.take();
}

// The query of a presigned URL grants access to the object: it is not shown.
std::string without_query(const std::string& url) { return url.substr(0, url.find('?')); }

}  // namespace

std::vector<std::string> warnings_of(const jobs::QueueView& view) {
  std::vector<std::string> warnings;
  if (!view.full.empty()) warnings.push_back("it takes no jobs: " + view.full);
  if (!view.spool_unavailable.empty()) warnings.push_back("its spool is unavailable: " + view.spool_unavailable);
  if (!view.missing.reason.empty()) {
    warnings.push_back(fmt::format("{} commits and {} jobs are missing: {}", view.missing.commits, view.missing.jobs,
                                   view.missing.reason));
  }
  return warnings;
}

std::string queue_json(const std::string& name, const jobs::JobQueue& queue, const BulkReplays& bulk, WallTime now) {
  const jobs::QueueView view = queue.view();
  JsonWriter depth;
  for (int i = 0; i < jobs::kJobStatusCount; ++i) {
    depth.field(to_string(static_cast<jobs::JobStatus>(i)), view.depth[static_cast<size_t>(i)]);
  }
  JsonWriter json;
  json.field("name", name).field("available", view.available);
  text_field(json, "why_unavailable", view.available ? "" : view.why_unavailable);
  text_field(json, "server_away", view.server_unavailable);
  json.raw("depth", depth.take()).field("spooled", view.spooled).field("bytes", view.bytes);
  view.oldest_created_at ? json.field("oldest_age_s", to_seconds(now - *view.oldest_created_at))
                         : json.null("oldest_age_s");
  json.field("damaged_total", view.damaged_total);
  std::vector<std::string> warnings;
  for (const std::string& warning : warnings_of(view)) warnings.push_back(quoted(warning));
  json.raw("warnings", json_array(warnings));
  const auto replay = bulk.find(name);
  replay == bulk.end() ? json.null("bulk_replay") : json.raw("bulk_replay", replay->second->json());
  return json.take();
}

std::string operator_job_json(const std::string& queue, const jobs::JobRecord& record, const JobView& view) {
  JsonWriter json;
  json.field("job_id", record.id)
      .field("queue", queue)
      .field("route", record.route)
      .field("status", to_string(record.status))
      .field("method", record.method)
      .field("target", http::shown_target(record.target, view.query))
      .field("body_bytes", record.body_size);
  text_field(json, "body_ref", without_query(record.body_ref));
  json.field("attempt", record.attempt).field("max_attempts", record.max_attempts);
  json.field("deferrals", record.deferrals).field("replays", record.replays);
  text_field(json, "last_error", record.last_error);
  record.result_status ? json.field("result_status", record.result_status) : json.null("result_status");
  json.field("age_s", to_seconds(view.now - record.created_at));
  json.field("created_at", to_rfc3339(record.created_at)).field("expires_at", to_rfc3339(record.expires_at));
  time_field(json, "next_attempt_at", view.next.at);
  text_field(json, "next", view.next.what);
  time_field(json, "finished_at", record.finished_at);
  if (!view.history) return json.take();
  const bool waiting = record.status == jobs::JobStatus::queued || record.status == jobs::JobStatus::retrying;
  waiting ? json.field("position", record.position) : json.null("position");
  std::vector<std::string> attempts;
  for (const jobs::AttemptRecord& attempt : record.history) attempts.push_back(attempt_json(attempt));
  json.raw("history", json_array(attempts));
  return json.take();
}

}  // namespace tidegate::admin
