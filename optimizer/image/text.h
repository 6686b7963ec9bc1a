// Validates and escapes the text of a watermark. Pure.
#pragma once

#include <string>
#include <string_view>

#include "optimizer/image/refusal.h"

namespace tidegate::optimizer {

inline constexpr size_t kTextCodePointsMax = 200;

// The text to draw: valid UTF-8 (RFC 3629: no surrogates, no overlong forms), 1 to 200 code points, at least one of
// them not white space. Tabs become spaces, line ends of any kind become line feeds, and empty lines are removed; other
// control characters are refused. Refusals: 400.
Expected<std::string> check_text(std::string_view text);

// Pango markup that renders exactly `text`.
std::string escape_markup(std::string_view text);

}  // namespace tidegate::optimizer
