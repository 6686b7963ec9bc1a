#include "core/webhook.h"

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/keyed_hash.h"

namespace tidegate::core {

namespace {

constexpr std::string_view kEncoded = "whsec_";

std::string key_of(std::string_view secret) {
  if (!secret.starts_with(kEncoded)) return std::string(secret);
  std::string encoded(secret.substr(kEncoded.size()));
  while (encoded.size() % 4 != 0) encoded += '=';               // padding may be left out
  return base64_decode(encoded).value_or(std::string(secret));  // the configuration has seen that it is base64
}

}  // namespace

std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s,
                              std::string_view body) {
  std::string text(id);
  text.append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  const Sha256Bytes digest = hmac_sha256(key_of(secret), text);
  return "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string webhook_body(const jobs::JobRecord& record, std::optional<int> result_status, std::string_view jobs_path) {
  TG_ASSERT(is_final(record.status));
  const std::string status_url = std::string(jobs_path) + record.id;
  const std::string ended_at = to_rfc3339(record.finished_at.value_or(record.created_at));
  JsonWriter data;
  data.field("job_id", record.id)
      .field("status", to_string(record.status))
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
