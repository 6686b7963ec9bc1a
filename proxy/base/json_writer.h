// Writes one JSON object (RFC 8259) into a string, field by field; for responses on the hot path and log lines. Bytes
// that are not valid UTF-8 are written as U+FFFD, so that the result is always valid JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate {

// Appends `text` escaped, without the quotes.
void append_json_escaped(std::string& out, std::string_view text);

class JsonWriter {
 public:
  JsonWriter() : out_("{") {}

  JsonWriter& field(std::string_view name, std::string_view value);
  JsonWriter& field(std::string_view name, const char* value) { return field(name, std::string_view(value)); }
  JsonWriter& field(std::string_view name, const std::string& value) { return field(name, std::string_view(value)); }
  JsonWriter& field(std::string_view name, int64_t value);
  JsonWriter& field(std::string_view name, int value) { return field(name, static_cast<int64_t>(value)); }
  JsonWriter& field(std::string_view name, uint64_t value);
  JsonWriter& field(std::string_view name, double value);
  JsonWriter& field(std::string_view name, bool value);
  JsonWriter& null(std::string_view name);
  // `json` is inserted as it is: an object or array already written.
  JsonWriter& raw(std::string_view name, std::string_view json);

  // The whole object. Once.
  std::string take();

 private:
  void name(std::string_view name);
  std::string out_;
};

// "[a,b]" of values that are JSON already.
template <typename Range>
std::string json_array(const Range& values) {
  std::string out = "[";
  for (const std::string& value : values) {
    if (out.size() > 1) out += ',';
    out += value;
  }
  return out + "]";
}

}  // namespace tidegate
