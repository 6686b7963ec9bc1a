// ${NAME}, ${NAME:-default} and ${file:/path} in scalars; $${ stands for a plain ${.
//
//   ${NAME}            the environment variable; an error where it is not set
//   ${NAME:-default}   the default where it is not set or empty (as in a shell); up to the first }
//   ${file:/path}      the file's content without the line end at its end; at most 64 KiB
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/loader.h"

namespace tidegate::config {

inline bool has_substitution(std::string_view text) { return text.find("${") != std::string_view::npos; }

// The error names what could not be resolved, never a value.
Result<std::string> substitute(std::string_view text, const Environment& environment);

}  // namespace tidegate::config
