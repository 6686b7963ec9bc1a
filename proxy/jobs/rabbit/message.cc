#include "jobs/rabbit/message.h"

#include <strings.h>

#include <iterator>

#include "base/crc32c.h"
#include "jobs/record_codec.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPiece = 1 << 20;

amqp_bytes_t bytes_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

int64_t number_of(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_I8: return value.value.i8;
    case AMQP_FIELD_KIND_I16: return value.value.i16;
    case AMQP_FIELD_KIND_I32: return value.value.i32;
    case AMQP_FIELD_KIND_I64: return value.value.i64;
    default: return 0;
  }
}

std::string content_type_of(const FieldList& fields) {
  for (const auto& [name, value] : fields) {
    if (::strcasecmp(name.c_str(), "content-type") == 0 && value.size() < 256) return value;
  }
  return "application/octet-stream";
}

}  // namespace

int64_t unix_ms(WallTime time) { return ceil_ms(time.time_since_epoch()); }

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

RabbitProperties::RabbitProperties(const RabbitMessage& message) {
  properties_._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                       AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties_.content_type = bytes_of(message.content_type);
  properties_.delivery_mode = 2;
  properties_.message_id = bytes_of(message.id);
  properties_.timestamp = static_cast<uint64_t>(message.created_s);
  properties_.type = amqp_cstring_bytes("tidegate.job");
  properties_.headers.entries = entries_;
  text("x-tidegate-route", message.route);
  text("x-tidegate-method", message.method);
  text("x-tidegate-target", message.target);
  text("x-tidegate-fields", message.fields);
  if (!message.body_ref.empty()) text("x-tidegate-body-ref", message.body_ref);
  text("x-tidegate-created-at", message.created_at);
  text("x-tidegate-expires-at", message.expires_at);
  number("x-tidegate-attempt", message.attempt);
  number("x-tidegate-max-attempts", message.max_attempts);
  number("x-tidegate-replays", message.replays);
  number("x-tidegate-published-ms", message.published_ms);
  number("x-tidegate-crc32c", message.crc);
  if (message.not_before_ms > 0) number("x-tidegate-not-before-ms", message.not_before_ms);
  if (!message.reason.empty()) text("x-tidegate-reason", message.reason);
  if (!message.history.empty()) text("x-tidegate-history", message.history);
}

void RabbitProperties::text(const char* name, const std::string& value) {
  amqp_table_entry_t& entry = entries_[properties_.headers.num_entries++];
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes_of(value);
}

void RabbitProperties::number(const char* name, int64_t value) {
  amqp_table_entry_t& entry = entries_[properties_.headers.num_entries++];
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
}

RabbitMessage read_message(const amqp_basic_properties_t& properties) {
  RabbitMessage message;
  if (properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) message.id = text_of(properties.message_id);
  if (properties._flags & AMQP_BASIC_CONTENT_TYPE_FLAG) message.content_type = text_of(properties.content_type);
  if (properties._flags & AMQP_BASIC_TIMESTAMP_FLAG) message.created_s = static_cast<int64_t>(properties.timestamp);
  if (!(properties._flags & AMQP_BASIC_HEADERS_FLAG)) return message;
  const std::pair<const char*, std::string*> texts[] = {
      {"x-tidegate-route", &message.route},           {"x-tidegate-method", &message.method},
      {"x-tidegate-target", &message.target},         {"x-tidegate-fields", &message.fields},
      {"x-tidegate-body-ref", &message.body_ref},     {"x-tidegate-created-at", &message.created_at},
      {"x-tidegate-expires-at", &message.expires_at}, {"x-tidegate-reason", &message.reason},
      {"x-tidegate-history", &message.history}};
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = properties.headers.entries[i];
    const std::string name = text_of(entry.key);
    if (entry.value.kind == AMQP_FIELD_KIND_UTF8) {
      for (const auto& [known, into] : texts) {
        if (name == known) *into = text_of(entry.value.value.bytes);
      }
      continue;
    }
    const int64_t value = number_of(entry.value);
    if (name == "x-tidegate-attempt") message.attempt = static_cast<int>(value);
    if (name == "x-tidegate-max-attempts") message.max_attempts = static_cast<int>(value);
    if (name == "x-tidegate-replays") message.replays = static_cast<int>(value);
    if (name == "x-tidegate-published-ms") message.published_ms = value;
    if (name == "x-tidegate-not-before-ms") message.not_before_ms = value;
    if (name == "x-tidegate-crc32c") message.crc = static_cast<uint32_t>(value);
  }
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
