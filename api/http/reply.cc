#include "api/http/reply.h"

#include "base/assert.h"
#include "base/log.h"
#include "http/message/problem.h"

namespace tidegate::api {

namespace {

constexpr std::string_view kRetrySoon = "Retry-After: 2\r\n";
constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

}  // namespace

std::string field_line(std::string_view name, std::string_view value) {
  std::string line(name);
  return line.append(": ").append(value).append("\r\n");
}

Reply problem_reply(uint16_t status, const char* reason, std::string_view detail, std::string_view fields) {
  http::Problem problem;
  problem.status = status;
  problem.reason = reason;
  problem.detail = detail;
  return {status, std::string(http::kProblemContentType), http::problem_json(problem), std::string(fields), nullptr,
          reason};
}

Reply json_reply(uint16_t status, std::string body, std::string_view fields) {
  return {status, "application/json", std::move(body), std::string(kNoStore).append(fields), nullptr, "answered"};
}

Reply busy_reply() {
  return problem_reply(503, "busy", "Too many pictures are being processed; try again soon.", kRetrySoon);
}

Reply store_reply(const Error& error, Duration retry_after) {
  log_error("store_failed", {{"reason", error.message}});
  const char* detail =
      error.code == ErrorCode::exhausted ? "The store has no space left." : "The store is unavailable.";
  return problem_reply(503, "store_unavailable", detail,
                       field_line("Retry-After", std::to_string(ceil_seconds(retry_after))));
}

Reply upstream_error_reply(const Error& error) {
  log_warn("tidegate_request_failed", {{"reason", error.message}});
  if (error.code == ErrorCode::timeout) return problem_reply(504, "timeout", "The optimizer did not respond in time.");
  if (error.code == ErrorCode::invalid || error.code == ErrorCode::exhausted) {
    return problem_reply(502, "bad_upstream_response", "The optimizer sent an invalid response.");
  }
  return problem_reply(502, "connect_failure", "The optimizer could not be reached.");
}

Reply tidegate_unavailable_reply(const Error& error) {
  log_warn("tidegate_request_failed", {{"reason", error.message}});
  return problem_reply(503, "tidegate_unavailable", "The state of the picture is unavailable now.", kRetrySoon);
}

Reply forwarded_reply(http::FetchResponse response) {
  Reply reply;
  reply.status = response.status;
  reply.content_type = response.field("Content-Type");
  if (const auto wait = response.field("Retry-After"); !wait.empty()) reply.fields = field_line("Retry-After", wait);
  reply.body = std::move(response.body);
  reply.outcome = reply.status == 429   ? "rate_limited"
                  : reply.status == 503 ? "unavailable"
                  : reply.status < 500  ? "refused"
                                        : "failed";
  return reply;
}

void send(http::Responder& responder, const Reply& reply) {
  TG_ASSERT(!reply.image);
  responder.respond(reply.status, reply.content_type, reply.body, std::string(kCommonFields) + reply.fields);
}

}  // namespace tidegate::api
