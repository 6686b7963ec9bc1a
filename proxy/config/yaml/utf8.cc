#include "config/yaml/utf8.h"

#include <cstdint>

namespace tidegate::config {

namespace {

// The length of the well-formed sequence at the start of `text` (RFC 3629, section 4); 0: none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto in = [&](size_t i, int low, int high) { return byte(i) >= low && byte(i) <= high; };
  const auto tail = [&](size_t i) { return in(i, 0x80, 0xbf); };
  if (in(0, 0xc2, 0xdf)) return tail(1) ? 2 : 0;
  if (in(0, 0xe0, 0xef)) {
    const bool second = byte(0) == 0xe0 ? in(1, 0xa0, 0xbf) : byte(0) == 0xed ? in(1, 0x80, 0x9f) : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (in(0, 0xf0, 0xf4)) {
    const bool second = byte(0) == 0xf0 ? in(1, 0x90, 0xbf) : byte(0) == 0xf4 ? in(1, 0x80, 0x8f) : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

size_t first_unreadable(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c < 0x80) {
      if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return i;
      ++i;
      continue;
    }
    const size_t length = sequence_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace tidegate::config
