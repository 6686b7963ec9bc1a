#include "http/message/client_address.h"

#include <algorithm>
#include <optional>

namespace tidegate::http {

namespace {

// "1.2.3.4", "1.2.3.4:5678", "2001:db8::1", "[2001:db8::1]:5678".
std::optional<IpAddress> parse_element(std::string_view text) {
  if (const auto ip = IpAddress::parse(text)) return ip;
  if (const auto socket = SocketAddress::parse(text)) return socket->ip;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return IpAddress::parse(text.substr(1, text.size() - 2));
  }
  return std::nullopt;
}

}  // namespace

bool is_trusted(const IpAddress& address, const std::vector<Cidr>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [&](const Cidr& cidr) { return cidr.contains(address); });
}

IpAddress client_address(const IpAddress& peer, const Fields& fields, const std::vector<Cidr>& trusted) {
  IpAddress client = peer;
  if (!is_trusted(client, trusted)) return client;
  // Several fields are one list, in order: the last field's last element is the nearest hop.
  std::vector<std::string_view> lists;
  for (const Field& field : fields) {
    if (iequals(field.name, "x-forwarded-for")) lists.push_back(field.value);
  }
  for (auto list = lists.rbegin(); list != lists.rend(); ++list) {
    std::string_view rest = *list;
    for (;;) {
      const size_t comma = rest.rfind(',');
      const std::string_view element = trim_ows(rest.substr(comma == std::string_view::npos ? 0 : comma + 1));
      if (!element.empty()) {  // an empty one is none: RFC 9110 section 5.6.1.2
        const auto hop = parse_element(element);
        if (!hop) return client;
        client = *hop;
        if (!is_trusted(client, trusted)) return client;
      }
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace tidegate::http
