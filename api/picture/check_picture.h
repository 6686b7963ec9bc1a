// Checks a whole picture without decoding it: its format, that it is complete, its size, and that nothing follows its
// end. Pure. The bytes are read once, in place.
//
//   JPEG   SOI ▶ segments with one SOFn ▶ SOS, data ▶ EOI         then only what phones append, see jpeg_trailer.h
//   PNG    signature ▶ IHDR (with its CRC) ▶ chunks with IDAT ▶ IEND                                 then nothing
//   WebP   RIFF, length ▶ VP8 | VP8L | VP8X ▶ chunks with a frame ▶ the end by the length            then nothing
//
// Animations (APNG, WebP) pass: the optimizer uses their first frame. A picture that passes may still be damaged: only
// decoding finds that.
#pragma once

#include <optional>
#include <string_view>

#include "optimizer/image/image_limits.h"

namespace tidegate::api {

// Nothing: the picture passes. 400 bad_image: truncated, damaged, unsupported, or followed by other data. 413
// image_too_large: the header declares more than `limits` allow. 415: neither JPEG, PNG nor WebP.
std::optional<optimizer::Refusal> check_picture(std::string_view bytes, const optimizer::ImageLimits& limits = {});

}  // namespace tidegate::api
