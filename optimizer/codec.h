// Bytes to pixels and back. The functions here may throw vips::VError; watermark() is where that ends.
#pragma once

#include <string_view>

#include <vips/vips8>

#include "optimizer/watermark.h"
#include "optimizer/work_limit.h"

namespace tidegate::optimizer {

// By the first bytes alone: the library's own guessing would let in every format it can read.
std::optional<ImageFormat> sniff_format(std::string_view bytes);

// The pixels, in memory: 8-bit sRGB, with or without alpha, upright, at most `max_width` wide. `bytes` must live during
// the call only. Throws where the image is damaged or ends too early, and where the work is over.
Answer<vips::VImage> decode(std::string_view bytes, ImageFormat format, std::optional<int> max_width,
                            const ImageLimits& limits, const WorkLimit& work);

// Without any metadata. Throws where the work is over.
std::string encode(const vips::VImage& image, ImageFormat format, int quality, const WorkLimit& work);

}  // namespace tidegate::optimizer
