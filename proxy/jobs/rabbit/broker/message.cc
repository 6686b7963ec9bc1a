#include "jobs/rabbit/broker/message.h"

#include <strings.h>

#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/json_writer.h"
#include "jobs/record_codec.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPiece = 1 << 20;

std::string content_type_of(const FieldList& fields) {
  for (const auto& [name, value] : fields) {
    if (::strcasecmp(name.c_str(), "content-type") == 0 && value.size() < 256) return value;
  }
  return "application/octet-stream";
}

}  // namespace

int64_t unix_ms(WallTime time) { return ceil_ms(time.time_since_epoch()); }

std::string history_json(const JobRecord& record) {
  std::vector<std::string> attempts;
  for (const AttemptRecord& attempt : record.history) {
    attempts.push_back(JsonWriter()
                           .field("at", to_rfc3339(attempt.at))
                           .field("took_ms", ceil_ms(attempt.took))
                           .field("error", attempt.error)
                           .field("deferrals", attempt.deferrals)
                           .take());
  }
  return json_array(attempts);
}

RabbitMessage message_of(const JobDraft& draft) {
  RabbitMessage message;
  message.id = draft.id;
  message.route = draft.route;
  message.method = draft.method;
  message.target = draft.target;
  message.fields = encode_fields(draft.fields);
  message.body_ref = draft.body_ref;
  message.content_type = content_type_of(draft.fields);
  message.created_at = to_rfc3339(draft.created_at);
  message.expires_at = to_rfc3339(draft.expires_at);
  message.created_s = std::chrono::floor<std::chrono::seconds>(draft.created_at.time_since_epoch()).count();
  message.max_attempts = draft.max_attempts;
  if (draft.not_before > draft.created_at) message.not_before_ms = unix_ms(draft.not_before);
  message.body = draft.body;
  return message;
}

uint32_t message_crc(const RabbitMessage& message) {
  const std::string* const covered[] = {&message.id,     &message.route,    &message.method,     &message.target,
                                        &message.fields, &message.body_ref, &message.created_at, &message.expires_at};
  uint32_t crc = 0;
  for (const std::string* part : covered) crc = crc32c("\n", crc32c(*part, crc));
  if (!message.body.file) return crc32c(message.body.memory, crc);
  for (uint64_t at = 0; at < message.body.size();) {
    const auto piece = message.body.file->read_at(at, kPiece);
    if (!piece || piece->empty()) return ~uint32_t{0};
    crc = crc32c(*piece, crc);
    at += piece->size();
  }
  return crc;
}

}  // namespace tidegate::jobs
