// A second look at a text that the YAML parser refuses: what is opened and never closed, by line. The parser notices an
// unclosed bracket or quote only where it can no longer go on, often many lines later.
#pragma once

#include <optional>
#include <string_view>

#include "config/yaml/diagnostics.h"

namespace tidegate::config {

struct Opened {
  char sign = 0;  // [ { " '
  Position at;
};

struct SyntaxScan {
  std::optional<Position> tab;           // the first tab in the indentation of a block
  std::optional<Opened> quote;           // the first that is not closed before a line that cannot be in it
  std::optional<Position> substitution;  // the first ${ without quotes inside {...} or [...]
  struct Closer {
    char sign = 0;
    Position at;
    std::optional<Opened> of;  // the bracket of the other kind that it would close; none: no bracket is open
  };
  std::optional<Closer> wrong_closer;  // the first; brackets after it are not looked at
  std::optional<Opened> bracket;       // the innermost that is not closed
  bool in_brackets = false;            // whether the parser's error is between brackets
};

// `error`: where the parser gave up.
SyntaxScan scan_syntax(std::string_view yaml, Position error);

}  // namespace tidegate::config
