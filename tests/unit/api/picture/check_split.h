// The verdict on a file that arrives in pieces of one size; the fuzzer uses it too.
#pragma once

#include <algorithm>
#include <string_view>

#include "api/picture/check_picture.h"

namespace tidegate::api::test {

inline PictureVerdict check_split(std::string_view file, size_t piece) {
  PictureCheck check;
  for (size_t end = 0; end < file.size();) {
    end = std::min(end + piece, file.size());
    if (const auto verdict = check.advance(file.substr(0, end))) return *verdict;
  }
  return check.finish(file);
}

}  // namespace tidegate::api::test
