// Checks that a configuration file is UTF-8 text.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidegate::config {

// Returns the index of the first byte that is not part of a UTF-8 sequence (RFC 3629) or is a control character other
// than tab, LF and CR; npos: none.
size_t first_unreadable(std::string_view text);

}  // namespace tidegate::config
