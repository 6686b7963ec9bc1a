// The text as a picture of its own, and its way onto another: white letters on a soft dark shadow, so that they read on
// light, dark and busy ground alike. The functions may throw vips::VError.
//
//   markup ──Pango──▶ mask ──(turned, when tiled)──▶ ┌ shadow: the mask, blurred, black ┐
//                                                    └ letters: the mask, white         ┘──▶ RGBA ──▶ over the image
#pragma once

#include <string>

#include <vips/vips8>

#include "optimizer/watermark.h"

namespace tidegate::optimizer {

// `image` is 8-bit sRGB in memory, with or without alpha; `text` has passed check_text. Away from the letters and their
// shadow every pixel stays as it is.
vips::VImage draw_text(const vips::VImage& image, const std::string& text, Position position, double opacity);

}  // namespace tidegate::optimizer
