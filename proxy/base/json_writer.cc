#include "base/json_writer.h"

#include <utility>

#include <fmt/format.h>

namespace tidegate {

namespace {

// The length of the valid UTF-8 sequence that `text` begins with (RFC 3629), or 0.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) >= 0x90;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const unsigned char c = static_cast<unsigned char>(text.front());
    size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else if (length = utf8_length(text); length > 0) {
      out.append(text.substr(0, length));
    } else {
      length = 1;
      out += "\\ufffd";
    }
    text.remove_prefix(length);
  }
}

void JsonWriter::name(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

JsonWriter& JsonWriter::field(std::string_view field_name, std::string_view value) {
  name(field_name);
  out_ += '"';
  append_json_escaped(out_, value);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view field_name, int64_t value) {
  name(field_name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view field_name, uint64_t value) {
  name(field_name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view field_name, double value) {
  name(field_name);
  fmt::format_to(std::back_inserter(out_), "{:.6g}", value);
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view field_name, bool value) {
  name(field_name);
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null(std::string_view field_name) { return raw(field_name, "null"); }

JsonWriter& JsonWriter::raw(std::string_view field_name, std::string_view json) {
  name(field_name);
  out_ += json;
  return *this;
}

std::string JsonWriter::take() {
  out_ += '}';
  return std::move(out_);
}

}  // namespace tidegate
