// Checks a picture without decoding it, as it arrives: its format, that it is complete, and its size; and finds its
// end. What follows the end is no part of it: trailers of phones and programs, further pictures, a video. Pure. The
// bytes are read once, in place.
//
//   JPEG   SOI ▶ segments with one SOFn ▶ SOS, data ▶ EOI, or a Samsung block in its place (samsung_block.h)
//   PNG    signature ▶ IHDR (with its CRC) ▶ chunks with IDAT ▶ IEND
//   WebP   RIFF, length ▶ VP8 | VP8L | VP8X ▶ chunks with a frame ▶ the end by the length
//
// Animations (APNG, WebP) pass: the optimizer uses their first frame. A picture that passes may still be damaged: only
// decoding finds that.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "api/picture/picture_walk.h"
#include "optimizer/image/image_limits.h"

namespace tidegate::api {

// Refusals: 400 bad_image: truncated, damaged or unsupported. 413 image_too_large: the header declares more than
// `limits` allow. 415: neither JPEG, PNG nor WebP.
class PictureCheck final : public PictureWalk {
 public:
  explicit PictureCheck(const optimizer::ImageLimits& limits = {}) : limits_(limits) {}

  std::optional<PictureVerdict> advance(std::string_view file) override;
  PictureVerdict finish(std::string_view file) override;

 private:
  const optimizer::ImageLimits limits_;
  std::unique_ptr<PictureWalk> walk_;  // null: the format is not known yet
};

// Of a whole file.
PictureVerdict check_picture(std::string_view file, const optimizer::ImageLimits& limits = {});

}  // namespace tidegate::api
