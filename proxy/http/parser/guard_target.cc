// Request targets and authorities: RFC 9112 section 3.2, RFC 3986 section 3.
#include <algorithm>
#include <charconv>

#include "base/ip.h"
#include "http/message/chars.h"
#include "http/parser/guard.h"

namespace tidegate::http {

namespace {

constexpr std::string_view kScheme = "http://";

// Escapes are never decoded, only checked. %00 in a path is refused: what reads the path as a C string would see
// another one. Brackets are let through in a query, where every browser sends them bare.
Violation check_chars(std::string_view text, bool in_query) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!chars::is(c, chars::kTarget) && !(in_query && (c == '[' || c == ']'))) return &rule::kTargetChar;
    if (c != '%') continue;
    if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return &rule::kTargetPercent;
    if (!in_query && text[i + 1] == '0' && text[i + 2] == '0') return &rule::kTargetPercent;
  }
  return nullptr;
}

Violation split_path(std::string_view text, RequestHead& head) {
  const size_t question = text.find('?');
  head.path = text.substr(0, question);
  head.query = question == text.npos ? std::string_view() : text.substr(question + 1);
  if (const Violation violation = check_chars(head.path, false)) return violation;
  return check_chars(head.query, true);
}

Violation split_absolute(RequestHead& head) {
  const std::string_view rest = head.target.substr(kScheme.size());
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  head.authority = rest.substr(0, end);
  if (!is_valid_authority(head.authority)) return &rule::kTargetAuthority;
  if (const Violation violation = split_path(rest.substr(end), head)) return violation;
  if (!head.path.empty()) return nullptr;
  // RFC 9112 section 3.2.4: "OPTIONS http://host" is a request about the server as a whole.
  head.path = head.method == "OPTIONS" && end == rest.size() ? "*" : "/";
  return nullptr;
}

bool is_valid_port(std::string_view text) {
  uint32_t port = 0;
  if (text.empty()) return true;  // RFC 3986: port = *DIGIT
  if (text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port <= 65535;
}

bool is_valid_name(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (chars::is(text[i], chars::kHost)) continue;
    if (text[i] != '%' || i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
      return false;
    i += 2;
  }
  return !text.empty();
}

}  // namespace

bool is_valid_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return false;
    const std::string_view inside = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (inside.find(':') == inside.npos || !IpAddress::parse(inside).has_value()) return false;
    return rest.empty() || (rest.front() == ':' && is_valid_port(rest.substr(1)));
  }
  const size_t colon = text.find(':');
  if (!is_valid_name(text.substr(0, colon))) return false;
  return colon == text.npos || is_valid_port(text.substr(colon + 1));
}

Violation check_target(RequestHead& head) {
  const std::string_view target = head.target;
  if (target.front() == '/') return split_path(target, head);
  if (target == "*") {
    head.path = target;
    return head.method == "OPTIONS" ? nullptr : &rule::kTargetForm;
  }
  if (!iequals(target.substr(0, kScheme.size()), kScheme)) return &rule::kTargetForm;
  return split_absolute(head);
}

}  // namespace tidegate::http
