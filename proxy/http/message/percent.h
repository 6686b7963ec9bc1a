// Percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace tidegate::http {

// Everything but unreserved characters as %XX: fit for a path's segment and a query's value.
std::string percent_encode(std::string_view text);

}  // namespace tidegate::http
