// Draws the text as an image and blends it over another: white letters with a soft dark shadow, readable on light, dark
// and busy backgrounds. The functions may throw vips::VError.
//
//   markup ──Pango──▶ mask ──(turned, when tiled)──▶ ┌ shadow: the mask, blurred, black ┐
//                                                    └ letters: the mask, white         ┘──▶ RGBA ──▶ over the image
#pragma once

#include <string>

#include <vips/vips8>

#include "optimizer/image/watermark.h"

namespace tidegate::optimizer {

// `image` is 8-bit sRGB in memory, with or without alpha; `text` has passed check_text. Pixels outside the letters and
// their shadow do not change.
vips::VImage draw_text(const vips::VImage& image, const std::string& text, Position position, double opacity);

}  // namespace tidegate::optimizer
