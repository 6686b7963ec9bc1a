#include "api/results/status_handler.h"

#include "api/results/key_replies.h"
#include "base/json_writer.h"

namespace tidegate::api {

using Kind = Finding::Kind;

namespace {

void number_or_null(JsonWriter* json, std::string_view name, const std::optional<int64_t>& value) {
  value ? json->field(name, *value) : json->null(name);
}

void text_or_null(JsonWriter* json, std::string_view name, const std::string& value) {
  value.empty() ? json->null(name) : json->field(name, value);
}

}  // namespace

Reply status_reply(const std::string& key, const Finding& finding) {
  if (finding.kind == Kind::unknown) return unknown_key_reply();
  if (finding.kind == Kind::unavailable) return finding.reply;
  const bool done = finding.kind == Kind::done;
  const JobReport& report = finding.report;
  JsonWriter json;
  json.field("key", key).field("status", done ? "done" : to_string(report.state));
  number_or_null(&json, "attempt", report.attempt);
  number_or_null(&json, "max_attempts", report.max_attempts);
  number_or_null(&json, "deferrals", report.deferrals);
  text_or_null(&json, "next_attempt_at", done ? "" : report.next_attempt_at);
  text_or_null(&json, "url", done ? "/images/" + key : "");
  text_or_null(&json, "error", done ? "" : report.error);
  return json_reply(200, json.take(), finding.kind == Kind::pending ? retry_after_line(report) : "");
}

StatusHandler::StatusHandler(const Backend& backend, const Flights& flights, http::Responder& responder,
                             const std::string& key)
    : lookup_(std::make_unique<Lookup>(backend, key, [&flights, &responder, key](Finding finding) {
        const bool is_over = finding.kind == Kind::unknown || finding.kind == Kind::failed;
        if (is_over && flights.has(key)) {
          finding = {};
          finding.kind = Kind::pending;
          finding.report.state = JobState::processing;
        }
        send(responder, status_reply(key, finding));
      })) {}

}  // namespace tidegate::api
