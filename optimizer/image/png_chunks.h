// What the chunks of a PNG say about the cost of decoding it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "optimizer/image/image_limits.h"

namespace tidegate::optimizer {

// Whether the header declares a longer side than the limits allow. libpng rejects very large sizes with an error that
// cannot be told from damage.
bool png_side_exceeds(std::string_view png, const ImageLimits& limits);

// The PNG without its text chunks, which do not affect the pixels and may decompress to a thousand times their size.
// Empty: it has no text chunks.
std::string without_text_chunks(std::string_view png);

}  // namespace tidegate::optimizer
