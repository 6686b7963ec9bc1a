// Substitution in scalars:
//
//   ${NAME}            the environment variable; an error if it is not set
//   ${NAME:-default}   the default if the variable is not set or empty (as in a shell); ends at the first }
//   ${file:/path}      the content of the file, without its final line end; at most 64 KiB
//   $${                a literal ${
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidegate::config {

// Returns the value of an environment variable; none: it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

inline bool has_substitution(std::string_view text) { return text.find("${") != std::string_view::npos; }

// The error names the variable or file that could not be resolved, never a value.
Result<std::string> substitute(std::string_view text, const Environment& environment);

}  // namespace tidegate::config
