// Parsers of textual values: addresses, endpoints, hosts, methods, header fields, paths. Pure. Each error message is
// complete and quotes the text, as in yaml/scalars.h.
#pragma once

#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "config/config.h"

namespace tidegate::config {

Result<SocketAddress> parse_socket_address(std::string_view text);
Result<Cidr> parse_cidr(std::string_view text);

// "http://HOST[:PORT]" or "https://HOST[:PORT]", optionally with one '/' after it.
Result<Endpoint> parse_endpoint(std::string_view text);
// What a certificate is for: a name, or an address without brackets.
Result<std::string> parse_tls_name(std::string_view text);

// "/health?deep=1": path and query, as a request's target.
Result<std::string> parse_request_path(std::string_view text);

Result<std::string> parse_method(std::string_view text);  // a token (RFC 9110 section 5.6.2); standard ones upper case
Result<std::string> parse_field_name(std::string_view text);   // a token
Result<std::string> parse_upgrade(std::string_view text);      // as in Upgrade: "name" or "name/version"; lower case
Result<std::string> parse_host(std::string_view text);         // as in Host, without port; lower case
Result<std::string> parse_server_host(std::string_view text);  // likewise, of a server to look up: may end with a dot
Result<std::string> parse_jobs_path(std::string_view text);    // begins and ends with '/', longer than "/"
Result<std::string> parse_content_type(std::string_view text);

struct PathPattern {
  std::string path;
  bool prefix = false;
};
Result<PathPattern> parse_path_pattern(std::string_view text);  // a '*' only at the end

Result<RateKeyPart> parse_rate_key(std::string_view text);  // client_ip, header:NAME, global

}  // namespace tidegate::config
