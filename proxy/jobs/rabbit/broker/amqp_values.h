// Strings and table entries in the form that librabbitmq takes. Views: what they point to must outlive them. For the
// sources that speak AMQP (connection.cc, frame_reader.cc, properties.cc); no header of the queue includes this.
#pragma once

#include <amqp.h>

#include <string>

namespace tidegate::jobs {

inline std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }
inline amqp_bytes_t bytes_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }

inline amqp_table_entry_t flag_entry(const char* name) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}
inline amqp_table_entry_t number_entry(const char* name, int64_t value) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}
inline amqp_table_entry_t text_entry(const char* name, amqp_bytes_t value) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = value;
  return entry;
}

}  // namespace tidegate::jobs
