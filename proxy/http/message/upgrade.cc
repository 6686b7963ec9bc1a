#include "http/message/upgrade.h"

#include <algorithm>
#include <array>

#include "http/message/chars.h"

namespace tidegate::http {

namespace {

// The one protocol that the fields name, or "".
std::string_view protocol_of(const Fields& fields) {
  if (fields.count("upgrade") != 1 || !fields.any_contains("connection", "upgrade")) return {};
  const std::string_view named = *fields.find("upgrade");
  return is_protocol(named) ? named : std::string_view();
}

}  // namespace

std::string_view requested_upgrade(const RequestHead& head) {
  const bool may_switch = head.version_minor > 0 && head.keep_alive && head.framing == Framing::none;
  return may_switch && head.method != "HEAD" ? protocol_of(head.fields) : std::string_view();
}

bool switches_to(const ResponseHead& head, std::string_view protocol) {
  const bool is_framed = head.content_length > 0 || head.fields.count("transfer-encoding") > 0;
  const bool switches = head.status == kSwitchingProtocols && head.version_minor > 0 && !is_framed;
  return switches && iequals(protocol_of(head.fields), protocol);
}

bool is_protocol(std::string_view text) {
  const size_t slash = text.find('/');
  if (text.substr(0, slash) == "*") return false;  // not all protocols: a name
  return is_token(text.substr(0, slash)) && (slash == text.npos || is_token(text.substr(slash + 1)));
}

bool carries_requests(std::string_view protocol) {
  static constexpr std::array<std::string_view, 7> kNames = {"h2c", "h2", "h3", "spdy", "quic", "ptth", "tls"};
  const std::string_view name = protocol.substr(0, protocol.find('/'));
  if (iequals(name.substr(0, 4), "http")) return true;
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view one) { return iequals(one, name); });
}

}  // namespace tidegate::http
