// Properties of request methods.
#pragma once

#include <string_view>

namespace tidegate::http {

// RFC 9110, section 9.2.2: several identical requests have the effect of one.
inline bool is_idempotent(std::string_view method) {
  static constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  for (const std::string_view each : kMethods) {
    if (method == each) return true;
  }
  return false;
}

}  // namespace tidegate::http
