// Says in words of the file what the YAML parser refuses, and where the mistake is rather than where it was noticed.
#pragma once

#include <string>
#include <string_view>

#include "config/yaml/diagnostics.h"

namespace tidegate::config {

struct SyntaxError {
  Position at;
  std::string what;
};

// `at`, `message`: of the parser. What is not a mistake of a known kind keeps both.
SyntaxError explain_syntax_error(std::string_view yaml, Position at, const std::string& message);

}  // namespace tidegate::config
