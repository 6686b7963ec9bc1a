#include "http/target/percent.h"

#include "http/message/chars.h"

namespace tidegate::http {

std::optional<char> escaped_byte(std::string_view text) {
  if (text.size() < kEscapeSize || text[0] != '%' || !is_hex_digit(text[1]) || !is_hex_digit(text[2])) {
    return std::nullopt;
  }
  return static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (chars::is(c, chars::kUnreserved)) {
      out += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = escaped_byte(text.substr(i));
    if (!byte) return std::nullopt;
    out += *byte;
    i += kEscapeSize - 1;
  }
  return out;
}

}  // namespace tidegate::http
