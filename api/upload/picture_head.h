// What can be told of a whole picture without decoding it: that it is one, that it ends where it says, how large it is,
// and that nothing else hides behind its end. Pure; the bytes are walked once, where they lie, and nothing is copied.
//
//   JPEG   SOI ▶ segments, one SOFn among them ▶ SOS, data ▶ EOI      then only what phones append, see jpeg_trailer.h
//   PNG    signature ▶ IHDR (CRC checked) ▶ chunks, IDAT among them ▶ IEND                           then nothing
//   WebP   RIFF, length ▶ VP8 | VP8L | VP8X ▶ chunks, a frame among them ▶ the length's end           then nothing
//
// Of an animation (APNG, WebP) the watermark service marks the first frame, so it passes. What passes may still be
// damaged inside: only decoding tells.
#pragma once

#include <optional>
#include <string_view>

#include "optimizer/image_limits.h"

namespace tidegate::api {

// Nothing where all is well. 400 bad_image: cut off, damaged, of a kind that is not read, or followed by something
// else. 413 image_too_large: its header announces more than `limits`. 415: neither JPEG, PNG nor WebP.
std::optional<optimizer::Refusal> check_picture(std::string_view bytes, const optimizer::ImageLimits& limits = {});

}  // namespace tidegate::api
