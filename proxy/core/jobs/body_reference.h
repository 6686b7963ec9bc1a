// The URL of a Tidegate-Body-Ref field, from which a job's body is fetched. It comes from a client, and Tidegate
// connects to it: so it is parsed strictly, and its host must be one that the operator has listed. A listed name is
// trusted together with its DNS: the body is fetched from whatever address the name resolves to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message/head.h"

namespace tidegate::core {

struct BodyReference {
  std::string host;       // lower case
  std::string authority;  // with the port, if the URL has one: the Host of the fetch
  bool tls = false;       // https://
  uint16_t port = 80;
  std::string target;
};

inline constexpr size_t kBodyReferenceMax = 8192;

// "http://host[:port][/path][?query]", or https://, on one of `hosts` ("host": any port; "host:port": that one, 80 or
// 443 where the URL has none). No user information, no IPv6 literal, no fragment, no escapes outside path and query,
// nothing that URL parsers disagree about. Error: invalid, with the reason as a sentence for the client.
Result<BodyReference> check_body_reference(std::string_view url, const std::vector<std::string>& hosts);

// The request's reference, checked; none if it has no such field. Error: as above, or the field is repeated.
Result<std::optional<std::string>> body_reference(const http::Fields& fields, const std::vector<std::string>& hosts);

}  // namespace tidegate::core
