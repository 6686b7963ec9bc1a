// Takes lines that end in exactly CRLF off the front of an input, however the input is cut, and refuses each byte that
// no line of a head may hold. Head and trailers are read with it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/parser/guard_rules.h"

namespace tidegate::http {

enum class LineStep { need_more, line, refused };

// Moves bytes from *input to the end of `out` until a line is whole. `out` holds at most `budget` bytes; one more is
// rule::kHeadBytes. On `refused`, *violation is set. A line is judged byte by byte in the order received, so that the
// verdict does not depend on how the bytes were cut.
LineStep take_line(std::string_view* input, std::string& out, size_t budget, Violation* violation);

}  // namespace tidegate::http
