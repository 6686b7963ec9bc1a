// Percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::http {

// Encodes everything except unreserved characters as %XX: for a path segment or the value of a query parameter.
std::string percent_encode(std::string_view text);
// None: a % without two hexadecimal digits after it.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace tidegate::http
