#include "optimizer/image/text.h"

#include <cstdint>
#include <optional>

namespace tidegate::optimizer {

namespace {

constexpr char32_t kSurrogateFirst = 0xD800;
constexpr char32_t kSurrogateLast = 0xDFFF;
constexpr char32_t kLastCodePoint = 0x10FFFF;

// The length of a sequence by its first byte; 0: not a first byte.
size_t sequence_length(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// Removes the first code point of `text`; nothing: it is invalid. REQUIRES non-empty text.
std::optional<char32_t> take_code_point(std::string_view* text) {
  const auto first = static_cast<uint8_t>(text->front());
  const size_t length = sequence_length(first);
  if (length == 0 || length > text->size()) return std::nullopt;
  char32_t value = length == 1 ? first : first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>((*text)[i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    value = value << 6 | (next & 0x3Fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= kSurrogateFirst && value <= kSurrogateLast;
  if (overlong || surrogate || value > kLastCodePoint) return std::nullopt;
  text->remove_prefix(length);
  return value;
}

bool is_white(char32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x3000;
}

bool is_line_break(char32_t c) { return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029; }

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

}  // namespace

Expected<std::string> check_text(std::string_view text) {
  std::string clean;
  size_t count = 0;
  bool visible = false;
  while (!text.empty()) {
    const std::string_view before = text;
    const auto c = take_code_point(&text);
    if (!c) return bad_request("text is not valid UTF-8.");
    if (is_control(*c) && !is_line_break(*c) && *c != '\t') return bad_request("text contains a control character.");
    if (++count > kTextCodePointsMax) {
      return bad_request("text is longer than " + std::to_string(kTextCodePointsMax) + " characters.");
    }
    visible = visible || !is_white(*c);
    if (is_line_break(*c)) {
      if (!clean.empty() && clean.back() != '\n') clean += '\n';
    } else if (*c == '\t') {
      clean += ' ';
    } else {
      clean += before.substr(0, before.size() - text.size());
    }
  }
  if (clean.ends_with('\n')) clean.pop_back();
  if (!visible) return bad_request("text is empty; give the text of the watermark.");
  return clean;
}

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace tidegate::optimizer
