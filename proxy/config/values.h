// The values that are more than a number: names, addresses, endpoints, paths. As scalars.h: pure, and an error's
// message is a whole sentence about the text.
#pragma once

#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "config/config.h"

namespace tidegate::config {

// A name of the operator's: 1 to 64 of A-Z a-z 0-9 _ - . (names are labels of metrics and parts of URLs).
Result<std::string> parse_name(std::string_view text);

Result<SocketAddress> parse_socket_address(std::string_view text);
Result<Cidr> parse_cidr(std::string_view text);

// "http://HOST[:PORT]", perhaps with one '/' after it. https:// is not supported yet.
Result<Endpoint> parse_endpoint(std::string_view text);

Result<std::string> parse_method(std::string_view text);  // a token (RFC 9110 section 5.6.2), standard ones upper case
Result<std::string> parse_field_name(std::string_view text);  // a header field's name: a token
Result<std::string> parse_host(std::string_view text);        // of Host, without port; lower case
Result<std::string> parse_jobs_path(std::string_view text);   // begins and ends with '/', is more than that
Result<std::string> parse_content_type(std::string_view text);

struct PathPattern {
  std::string path;
  bool prefix = false;
};
Result<PathPattern> parse_path_pattern(std::string_view text);  // '*' only at the end

Result<RateKeyPart> parse_rate_key(std::string_view text);  // client_ip, header:NAME, global

}  // namespace tidegate::config
