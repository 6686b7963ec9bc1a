#include "core/replay/webhook.h"

#include "base/assert.h"
#include "base/json_writer.h"
#include "net/connection_refusal.h"

namespace tidegate::core {

namespace {

policy::AttemptResult failure_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::timeout: return policy::AttemptResult::timeout;
    case ErrorCode::reset: return policy::AttemptResult::reset;
    default: return policy::AttemptResult::bad_response;
  }
}

}  // namespace

std::string webhook_body(const jobs::JobRecord& record, const std::string& idempotency_key,
                         std::optional<int> result_status, std::string_view jobs_path) {
  TG_ASSERT(is_final(record.status));
  const std::string status_url = std::string(jobs_path) + record.id;
  const std::string ended_at = to_rfc3339(record.finished_at.value_or(record.created_at));
  JsonWriter data;
  data.field("job_id", record.id);
  idempotency_key.empty() ? data.null("idempotency_key") : data.field("idempotency_key", idempotency_key);
  data.field("status", to_string(record.status))
      .field("attempt", record.attempt)
      .field("created_at", to_rfc3339(record.created_at))
      .field("finished_at", ended_at);
  record.last_error.empty() ? data.null("last_error") : data.field("last_error", record.last_error);
  data.field("status_url", status_url).field("result_url", status_url + "/result");
  result_status ? data.field("result_status", *result_status) : data.null("result_status");
  JsonWriter message;
  message.field("type", std::string("job.") + to_string(record.status)).field("timestamp", ended_at);
  message.raw("data", data.take());
  return message.take();
}

jobs::RunResult undelivered(const Error& error, bool connected) {
  jobs::RunResult result;
  result.result = connected ? failure_of(error.code) : policy::AttemptResult::connect_failure;
  result.own_failure = !connected && net::refusal_of(error).has_value();
  result.detail = error.message;
  return result;
}

}  // namespace tidegate::core
