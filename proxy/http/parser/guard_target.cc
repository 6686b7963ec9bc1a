// Request targets and authorities: RFC 9112 section 3.2, RFC 3986 section 3.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/ip.h"
#include "http/message/chars.h"
#include "http/parser/guard.h"
#include "http/target/percent.h"

namespace tidegate::http {

namespace {

constexpr std::string_view kScheme = "http://";

// %00 in a path is refused: what reads the path as a C string would see another one.
Violation check_chars(std::string_view text, chars::Class allowed) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!chars::is(text[i], allowed)) return &rule::kTargetChar;
    if (text[i] != '%') continue;
    const auto byte = escaped_byte(text.substr(i));
    if (!byte || (*byte == '\0' && allowed == chars::kPath)) return &rule::kTargetPercent;
  }
  return nullptr;
}

Violation split_path(std::string_view text, RequestHead& head) {
  const size_t question = text.find('?');
  head.path = text.substr(0, question);
  head.query = question == text.npos ? std::string_view() : text.substr(question + 1);
  if (const Violation violation = check_chars(head.path, chars::kPath)) return violation;
  return check_chars(head.query, chars::kQuery);
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
    if (!escaped_byte(text.substr(i))) return false;
    i += kEscapeSize - 1;
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

// An absolute target may lack a path: the authority moves over the scheme by a byte, which is left for the slash.
void HeadGuard::insert_missing_path(RequestHead& head) {
  const size_t begin = offset_of(head.authority), size = head.authority.size();
  if (bytes_[begin + size] == '/') return;
  std::memmove(&bytes_[begin - 1], &bytes_[begin], size);
  bytes_[begin - 1 + size] = '/';
  head.authority = std::string_view(bytes_).substr(begin - 1, size);
  head.path = std::string_view(bytes_).substr(begin - 1 + size, 1);
}

// The normal form is not longer: it lies before what follows the path.
void HeadGuard::normalize(std::string_view& path) {
  const size_t begin = offset_of(path);
  const size_t size = normalize_path(&bytes_[begin], path.size());
  const size_t shorter = path.size() - size;
  std::memmove(&bytes_[begin + shorter], &bytes_[begin], size);
  path = std::string_view(bytes_).substr(begin + shorter, size);
}

// Rewritten where it lies, so that nothing is allocated.
Violation HeadGuard::settle_target(RequestHead& head, const PathRules& rules) {
  if (head.path == "*") {
    head.target = head.path;
    return nullptr;
  }
  const size_t end = offset_of(head.target) + head.target.size();
  if (head.target.front() != '/') insert_missing_path(head);
  if (rules.encoded_slashes == EncodedSlashes::reject && has_encoded_slash(head.path)) return &rule::kEncodedSlash;
  if (rules.normalization != PathNormalization::off && !is_normal_path(head.path)) {
    if (rules.normalization == PathNormalization::reject) return &rule::kPathNotNormal;
    normalize(head.path);
  }
  const size_t begin = offset_of(head.path);
  head.target = std::string_view(bytes_).substr(begin, end - begin);
  return nullptr;
}

}  // namespace tidegate::http
