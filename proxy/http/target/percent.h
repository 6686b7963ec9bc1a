// Percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::http {

inline constexpr size_t kEscapeSize = 3;  // %XX
// The byte that the escape at the beginning of `text` stands for; none: there is no whole escape.
std::optional<char> escaped_byte(std::string_view text);

// Encodes everything except unreserved characters as %XX: for a path segment or the value of a query parameter.
std::string percent_encode(std::string_view text);
// None: a % without two hexadecimal digits after it.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace tidegate::http
