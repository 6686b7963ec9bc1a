// The watermark's text on its way from a client's bytes to Pango. Pure.
#pragma once

#include <string>
#include <string_view>

#include "optimizer/refusal.h"

namespace tidegate::optimizer {

inline constexpr size_t kTextCodePointsMax = 200;

// The text to draw: valid UTF-8 (RFC 3629: no surrogates, no overlong forms), 1 to 200 code points, at least one of
// them not white space. Tabs become spaces; line ends of every kind become line feeds, where the text breaks, empty
// lines are left out; any other control character is refused. Refusals: 400.
Answer<std::string> check_text(std::string_view text);

// As Pango markup that shows exactly `text`, whatever it contains.
std::string escape_markup(std::string_view text);

}  // namespace tidegate::optimizer
