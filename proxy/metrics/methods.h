// The label `method`: a known method's own name, any other's `_OTHER`, so that no client makes series.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

namespace tidegate::metrics {

inline constexpr const char* kMethods[] = {"GET",   "HEAD",    "POST",  "PUT",   "DELETE",
                                           "PATCH", "OPTIONS", "TRACE", "_OTHER"};
inline constexpr size_t kMethodCount = std::size(kMethods);

// Of kMethods.
inline size_t method_index(std::string_view method) {
  for (size_t i = 0; i + 1 < kMethodCount; ++i) {
    if (method == kMethods[i]) return i;
  }
  return kMethodCount - 1;
}

}  // namespace tidegate::metrics
