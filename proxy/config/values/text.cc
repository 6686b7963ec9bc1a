#include "config/values/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/yaml/diagnostics.h"
#include "config/yaml/scalars.h"
#include "http/message/chars.h"
#include "http/message/upgrade.h"
#include "http/parser/guard.h"
#include "http/target/percent.h"

namespace tidegate::config {

namespace {

Error wrong(std::string_view text, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{} {}", shown(text), why)};
}

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool all_of(std::string_view text, bool (*is)(char)) { return std::all_of(text.begin(), text.end(), is); }

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 128 && all_of(text, [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// A DNS name or an IPv4 address. A host that ends in a number must be an address: 1.2.3 and 127.0.0.256 are errors.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.find("..") != std::string_view::npos) {
    return false;
  }
  if (!all_of(host, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; })) return false;
  const bool numeric = all_of(host.substr(host.rfind('.') + 1), [](char c) { return c >= '0' && c <= '9'; });
  return !numeric || IpAddress::parse(host).has_value();
}

// A name may be absolute: the dot at its end keeps the search list of resolv.conf away from it.
bool is_server_name(std::string_view host) {
  if (!host.ends_with('.')) return is_host_name(host);
  host.remove_suffix(1);
  return is_host_name(host) && !IpAddress::parse(host);
}

bool is_ipv6(std::string_view host) {
  const auto ip = IpAddress::parse(host);
  return ip && host.find(':') != std::string_view::npos;
}

bool is_path(std::string_view path) {
  return path.starts_with('/') && path.size() <= 1024 &&
         all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '*'; });
}

// Why no request has such a path: the guard refuses it. "": one may have it.
std::string impossible(std::string_view path) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (!http::chars::is(path[i], http::chars::kPath)) {
      const std::string_view one = path.substr(i, 1);
      return fmt::format("a path cannot contain {}; clients send it as `{}`", one, http::percent_encode(one));
    }
    if (path[i] != '%') continue;
    const auto byte = http::escaped_byte(path.substr(i));
    if (!byte) return "a % is followed by two hexadecimal digits; clients send % itself as `%25`";
    if (*byte == '\0') return "%00 is refused in a path";
  }
  return "";
}

// "host", "host:port", "[v6]:port" -> host without brackets, and port.
Result<Endpoint> parse_authority(std::string_view whole, std::string_view authority, Endpoint endpoint) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return wrong(whole, "has a [ without a closing ]");
    endpoint.host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
    if (!is_ipv6(endpoint.host)) return wrong(whole, "has no valid IPv6 address in its brackets");
  } else {
    const size_t colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    rest = colon == std::string_view::npos ? "" : authority.substr(colon);
    if (!is_server_name(endpoint.host)) return wrong(whole, "has no valid host; write it as `http://127.0.0.1:3001`");
  }
  if (!rest.empty()) {
    const auto port = parse_integer(rest.substr(1));
    if (rest.front() != ':' || !port || *port < 1 || *port > 65535) {
      return wrong(whole, "has no valid port (1 to 65535)");
    }
    endpoint.port = static_cast<uint16_t>(*port);
  }
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  const std::string_view shown = std::string_view(endpoint.host).substr(0, endpoint.host.find_last_not_of('.') + 1);
  endpoint.authority = fmt::format("{}{}{}:{}", v6 ? "[" : "", shown, v6 ? "]" : "", endpoint.port);
  return endpoint;
}

}  // namespace

Result<SocketAddress> parse_socket_address(std::string_view text) {
  if (const auto address = SocketAddress::parse(text)) return *address;
  return wrong(text, "is not an IP address and port such as `127.0.0.1:8081` or `[::1]:8081`");
}

Result<Cidr> parse_cidr(std::string_view text) {
  if (const auto cidr = Cidr::parse(text)) return *cidr;
  return wrong(text, "is not an IP address or prefix such as `10.0.0.0/8`");
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const bool tls = text.starts_with("https://");
  const std::string_view scheme = tls ? "https://" : "http://";
  if (!text.starts_with(scheme)) return wrong(text, "is not an endpoint such as `http://127.0.0.1:3001`");
  std::string_view authority = text.substr(scheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find('@') != std::string_view::npos)
    return wrong(fmt::format("{}...@...", scheme), "must not contain a user or password");
  if (authority.find_first_of("/?#") != std::string_view::npos) {
    return wrong(text, "must end after the port; the path of the request is used");
  }
  Endpoint endpoint;
  endpoint.tls = tls;
  endpoint.port = tls ? 443 : 80;
  return parse_authority(text, authority, std::move(endpoint));
}

Result<std::string> parse_tls_name(std::string_view text) {
  if (IpAddress::parse(text) || is_host_name(text)) return to_lower(text);
  return wrong(text, "is not a name or address such as `api.example.org`");
}

Result<std::string> parse_request_path(std::string_view text) {
  http::RequestHead head;
  head.method = "GET";
  head.target = text;
  if (!text.starts_with('/')) return wrong(text, "is not a path such as `/health`");
  if (const http::Violation violation = http::check_target(head))
    return wrong(text, "is not a valid path: " + std::string(violation->detail));
  return std::string(text);
}

Result<std::string> parse_method(std::string_view text) {
  if (!is_token(text)) return wrong(text, "is not a method such as `POST`");
  const std::string upper = to_upper(text);
  if (upper == "CONNECT") return wrong(text, "is not supported: Tidegate never forwards CONNECT");
  static constexpr std::string_view kStandard[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
  if (upper != text && std::find(std::begin(kStandard), std::end(kStandard), upper) != std::end(kStandard)) {
    return wrong(text, fmt::format("matches no request: methods are case-sensitive; write `{}`", upper));
  }
  return std::string(text);
}

Result<std::string> parse_field_name(std::string_view text) {
  if (!is_token(text)) return wrong(text, "is not a header field name");
  return std::string(text);
}

Result<std::string> parse_upgrade(std::string_view text) {
  if (!http::is_protocol(text)) return wrong(text, "is not a protocol such as `websocket`");
  if (http::carries_requests(text)) return wrong(text, "would carry requests past every policy; remove it");
  return to_lower(text);
}

Result<std::string> parse_host(std::string_view text) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (bracketed && is_ipv6(text.substr(1, text.size() - 2))) return to_lower(text);
  if (is_host_name(text)) return to_lower(text);
  if (text.find(':') != std::string_view::npos) return wrong(text, "is not a host; remove the scheme and the port");
  return wrong(text, "is not a host such as `api.example.org`");
}

Result<std::string> parse_server_host(std::string_view text) {
  return is_server_name(text) ? Result<std::string>(to_lower(text)) : parse_host(text);
}

Result<std::string> parse_jobs_path(std::string_view text) {
  if (text.size() < 2 || !is_path(text) || !text.ends_with('/')) {
    return wrong(text, "is not a path such as `/_jobs/` that begins and ends with /");
  }
  if (const std::string why = impossible(text); !why.empty()) return wrong(text, "matches no request: " + why);
  return std::string(text);
}

Result<std::string> parse_content_type(std::string_view text) {
  const bool printable = all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
  const size_t slash = text.find('/');
  const std::string_view subtype = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (!printable || text.size() > 256 || !is_token(text.substr(0, slash)) ||
      !is_token(subtype.substr(0, subtype.find_first_of("; ")))) {
    return wrong(text, "is not a media type such as `text/plain`");
  }
  return std::string(text);
}

Result<PathPattern> parse_path_pattern(std::string_view text) {
  PathPattern pattern;
  pattern.prefix = text.ends_with('*');
  pattern.path = text.substr(0, text.size() - (pattern.prefix ? 1 : 0));
  if (is_path(pattern.path)) {
    const size_t brace = text.find('{');
    if (brace != text.npos) {
      return wrong(text,
                   fmt::format("has a {{: paths have no named parts; did you mean `{}*`?", text.substr(0, brace)));
    }
    const std::string why = impossible(pattern.path);
    if (!why.empty()) return wrong(text, "matches no request: " + why);
    return pattern;
  }
  if (pattern.path.find('*') != std::string::npos) {
    return wrong(text, "has a * before its end; only a final * is a wildcard");
  }
  return wrong(text,
               "is not a path such as `/optimize` or `/images/*`: it must begin with / and contain no space, ? or #");
}

Result<RateKeyPart> parse_rate_key(std::string_view text) {
  constexpr std::string_view kHeader = "header:";
  if (text == "client_ip") return RateKeyPart{RateKeyPart::Kind::client_ip, ""};
  if (text == "global") return RateKeyPart{RateKeyPart::Kind::global, ""};
  if (text.starts_with(kHeader) && is_token(text.substr(kHeader.size()))) {
    return RateKeyPart{RateKeyPart::Kind::header, std::string(text.substr(kHeader.size()))};
  }
  return wrong(text, "is not a rate limit key; write `client_ip`, `header:NAME` or `global`" +
                         (text.starts_with(kHeader) ? std::string(" (NAME is a header field name)") : std::string()));
}

}  // namespace tidegate::config
