// The largest picture, by the size in its header, before a pixel is decoded. watermark-api uses the same limits, so
// that it never stores a picture that cannot be watermarked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "optimizer/image/refusal.h"

namespace tidegate::optimizer {

inline constexpr int kSideMax = 16384;

struct ImageLimits {
  uint64_t pixels_max = 50'000'000;
  int side_max = kSideMax;
};

inline bool exceeds(uint64_t width, uint64_t height, const ImageLimits& limits) {
  // Checks the sides first, so that their product cannot overflow.
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
