#include "core/replay/webhook.h"

#include "base/assert.h"
#include "base/json_writer.h"

namespace tidegate::core {

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

}  // namespace tidegate::core
