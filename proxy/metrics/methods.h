// The label `method`: the name of a known method, else `_OTHER`, so that clients cannot create series.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

namespace tidegate::metrics {

inline constexpr const char* kMethods[] = {"GET",   "HEAD",    "POST",  "PUT",   "DELETE",
                                           "PATCH", "OPTIONS", "TRACE", "_OTHER"};
inline constexpr size_t kMethodCount = std::size(kMethods);

// Returns the index into kMethods.
inline size_t method_index(std::string_view method) {
  for (size_t i = 0; i + 1 < kMethodCount; ++i) {
    if (method == kMethods[i]) return i;
  }
  return kMethodCount - 1;
}

}  // namespace tidegate::metrics
