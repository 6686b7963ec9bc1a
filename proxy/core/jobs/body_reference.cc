#include "core/jobs/body_reference.h"

#include <algorithm>

#include "http/message/chars.h"

namespace tidegate::core {

namespace {

constexpr std::string_view kReferenceField = "tidegate-body-ref";
constexpr std::string_view kHttp = "http://", kHttps = "https://";
constexpr uint16_t kHttpsPort = 443;

Error invalid(std::string_view what) { return {ErrorCode::invalid, "Tidegate-Body-Ref: " + std::string(what)}; }

bool is_host_char(char c) { return (c >= 'a' && c <= 'z') || http::is_digit(c) || c == '.' || c == '-' || c == '_'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return result;
}

// One to five digits without a leading zero, 1 to 65535.
std::optional<uint16_t> port_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || text[0] == '0' || !std::all_of(text.begin(), text.end(), http::is_digit))
    return std::nullopt;
  uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<uint32_t>(c - '0');
  if (port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// Every escape is complete, and every character is allowed in a request line.
bool is_clean_target(std::string_view target) {
  for (size_t i = 0; i < target.size(); ++i) {
    if (!http::chars::is(target[i], http::chars::kTarget)) return false;
    if (target[i] != '%') continue;
    if (i + 2 >= target.size() || !http::is_hex_digit(target[i + 1]) || !http::is_hex_digit(target[i + 2]))
      return false;
  }
  return true;
}

bool is_listed(const BodyReference& reference, const std::vector<std::string>& hosts) {
  const std::string with_port = reference.host + ":" + std::to_string(reference.port);
  return std::any_of(hosts.begin(), hosts.end(),
                     [&](const std::string& listed) { return listed == reference.host || listed == with_port; });
}

}  // namespace

Result<BodyReference> check_body_reference(std::string_view url, const std::vector<std::string>& hosts) {
  if (url.size() > kBodyReferenceMax) return invalid("longer than 8192 bytes");
  const bool tls = http::iequals(url.substr(0, kHttps.size()), kHttps);
  const std::string_view scheme = tls ? kHttps : kHttp;
  if (!http::iequals(url.substr(0, scheme.size()), scheme)) return invalid("not an http:// or https:// URL");
  const std::string_view rest = url.substr(scheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view target = rest.substr(authority.size());
  if (authority.find('@') != authority.npos) return invalid("user information is not allowed");
  if (authority.find('[') != authority.npos) return invalid("IPv6 addresses are not allowed");

  BodyReference reference;
  reference.tls = tls;
  if (tls) reference.port = kHttpsPort;
  reference.authority = lower(authority);
  const size_t colon = reference.authority.find(':');
  reference.host = reference.authority.substr(0, colon);
  if (reference.host.empty() || !std::all_of(reference.host.begin(), reference.host.end(), is_host_char))
    return invalid("not a valid host");
  if (colon != std::string::npos) {
    const auto port = port_of(std::string_view(reference.authority).substr(colon + 1));
    if (!port) return invalid("not a valid port");
    reference.port = *port;
  }
  if (!is_clean_target(target)) return invalid("not a valid path or query");
  reference.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  if (!is_listed(reference, hosts)) return invalid("its host is not one of the route's reference_hosts");
  return reference;
}

Result<std::optional<std::string>> body_reference(const http::Fields& fields, const std::vector<std::string>& hosts) {
  const auto url = fields.find(kReferenceField);
  if (!url) return std::optional<std::string>();
  if (fields.count(kReferenceField) > 1) return invalid("repeated");
  if (const auto checked = check_body_reference(*url, hosts); !checked) return checked.error();
  return std::optional<std::string>(*url);
}

}  // namespace tidegate::core
