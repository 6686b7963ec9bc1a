// Decodes bytes to pixels and encodes them again. The functions may throw vips::VError, which watermark() catches.
#pragma once

#include <string_view>

#include <vips/vips8>

#include "optimizer/image/watermark.h"
#include "optimizer/image/work_limit.h"

namespace tidegate::optimizer {

// By the first bytes only: the detection of the library would accept every format that it can read.
std::optional<ImageFormat> sniff_format(std::string_view bytes);

// The pixels, in memory: 8-bit sRGB, with or without alpha, upright, at most `max_width` wide. `bytes` is used during
// the call only. Throws if the image is damaged or truncated, and when the work limit is reached.
Expected<vips::VImage> decode(std::string_view bytes, ImageFormat format, std::optional<int> max_width,
                              const ImageLimits& limits, const WorkLimit& work);

// Without any metadata. Throws when the work limit is reached.
std::string encode(const vips::VImage& image, ImageFormat format, int quality, const WorkLimit& work);

}  // namespace tidegate::optimizer
