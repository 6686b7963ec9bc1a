#include "api/key_handlers.h"

#include "base/json_writer.h"

namespace tidegate::api {

using Kind = Finding::Kind;

namespace {

std::string retry_after(const JobReport& report) {
  return field_line("Retry-After", report.retry_after.empty() ? "2" : report.retry_after);
}

void number_or_null(JsonWriter* json, std::string_view name, const std::optional<int64_t>& value) {
  value ? json->field(name, *value) : json->null(name);
}

void text_or_null(JsonWriter* json, std::string_view name, const std::string& value) {
  value.empty() ? json->null(name) : json->field(name, value);
}

Reply unknown_reply() { return problem_reply(404, "not_found", "There is no upload with this key."); }

}  // namespace

Reply status_reply(const std::string& key, const Finding& finding) {
  if (finding.kind == Kind::unknown) return unknown_reply();
  if (finding.kind == Kind::unavailable) return finding.reply;
  const bool done = finding.kind == Kind::done;
  const JobReport& report = finding.report;
  JsonWriter json;
  json.field("key", key).field("status", done ? "done" : to_string(report.state));
  number_or_null(&json, "attempt", report.attempt);
  number_or_null(&json, "max_attempts", report.max_attempts);
  text_or_null(&json, "next_attempt_at", done ? "" : report.next_attempt_at);
  text_or_null(&json, "url", done ? "/images/" + key : "");
  text_or_null(&json, "error", done ? "" : report.error);
  return json_reply(200, json.take(), finding.kind == Kind::under_way ? retry_after(report) : "");
}

Reply no_image_reply(const Finding& finding) {
  switch (finding.kind) {
    case Kind::unavailable: return finding.reply;
    case Kind::failed: return problem_reply(404, "failed", finding.report.error);
    case Kind::under_way:
      return problem_reply(409, "not_finished", "The picture is not finished yet.", retry_after(finding.report));
    case Kind::unknown:
    case Kind::done: break;
  }
  return unknown_reply();
}

StatusHandler::StatusHandler(const Backend& backend, const Flights& flights, http::Responder& responder,
                             const std::string& key)
    : lookup_(std::make_unique<Lookup>(backend, key, [&flights, &responder, key](Finding finding) {
        const bool is_over = finding.kind == Kind::unknown || finding.kind == Kind::failed;
        if (is_over && flights.has(key)) {
          finding = {};
          finding.kind = Kind::under_way;
          finding.report.state = JobState::processing;
        }
        send(responder, status_reply(key, finding));
      })) {}

ImageHandler::ImageHandler(const Backend& backend, SendingRooms& rooms, http::Responder& responder,
                           const std::string& key)
    : responder_(responder),
      key_(key),
      rooms_(rooms),
      lookup_(std::make_unique<Lookup>(backend, key, [this](const Finding& finding) { on_found(finding); })) {}

void ImageHandler::on_found(const Finding& finding) {
  if (finding.kind != Kind::done) return send(responder_, no_image_reply(finding));
  // A key names one picture for ever.
  const std::string fields = "ETag: \"" + key_ + "\"\r\nCache-Control: public, max-age=86400, immutable\r\n";
  const auto known = responder_.request().fields.find("If-None-Match");
  if (known && (*known == "*" || known->find("\"" + key_ + "\"") != std::string_view::npos)) {
    return send(responder_, {304, "", "", fields, nullptr, "not_modified"});
  }
  room_ = rooms_.find(finding.image);
  if (!room_) return send(responder_, busy_reply());
  sender_.begin(responder_, 200, finding.image, fields);
  if (!sender_.active()) room_.reset();
}

void ImageHandler::on_response_drained() {
  if (sender_.active() && sender_.go_on()) room_.reset();
}

// Nothing of the service's is touched after this: the handler itself may outlive it by a turn.
void ImageHandler::on_client_gone() {
  sender_.drop();
  room_.reset();
  lookup_.reset();
}

}  // namespace tidegate::api
