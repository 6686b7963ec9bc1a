// A request target as it is logged and shown: queries carry tokens, signatures and personal data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::http {

enum class ShownQuery : uint8_t {
  full,
  names,  // "/a?key=1&sig=x" is shown as "/a?key=&sig="
  off,    // "/a"
};

// `names` never shows a value. What may be one is shown as `*`: a piece without `=`, or with nothing behind it
// (`?dG9r==` is a token in Base64), and a name that does not look like one ([A-Za-z0-9._-] and brackets, at most 40
// bytes).
std::string shown_target(std::string_view target, ShownQuery query);

}  // namespace tidegate::http
