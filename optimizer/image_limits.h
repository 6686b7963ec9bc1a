// How large a picture may be, told by its header, before a pixel is decoded. The service that takes uploads refuses by
// the same numbers, so that what cannot be marked is never stored.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "optimizer/refusal.h"

namespace tidegate::optimizer {

inline constexpr int kSideMax = 16384;

struct ImageLimits {
  uint64_t pixels_max = 50'000'000;
  int side_max = kSideMax;
};

inline bool exceeds(uint64_t width, uint64_t height, const ImageLimits& limits) {
  // Sides first: their product cannot overflow then.
  return std::max(width, height) > static_cast<uint64_t>(limits.side_max) || width * height > limits.pixels_max;
}

inline Refusal too_large(const ImageLimits& limits) {
  return {413,
          "image_too_large",
          "The image has more than " + std::to_string(limits.pixels_max / 1'000'000) +
              " megapixels or is longer than " + std::to_string(limits.side_max) + " pixels on a side.",
          {}};
}

}  // namespace tidegate::optimizer
