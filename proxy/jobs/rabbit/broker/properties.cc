#include "jobs/rabbit/broker/properties.h"

#include <utility>

#include "jobs/rabbit/broker/amqp_values.h"

namespace tidegate::jobs {

namespace {

int64_t number_of(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_I8: return value.value.i8;
    case AMQP_FIELD_KIND_I16: return value.value.i16;
    case AMQP_FIELD_KIND_I32: return value.value.i32;
    case AMQP_FIELD_KIND_I64: return value.value.i64;
    default: return 0;
  }
}

}  // namespace

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
  entries_[properties_.headers.num_entries++] = text_entry(name, bytes_of(value));
}

void RabbitProperties::number(const char* name, int64_t value) {
  entries_[properties_.headers.num_entries++] = number_entry(name, value);
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

}  // namespace tidegate::jobs
