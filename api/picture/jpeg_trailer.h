// What may follow the last picture of a JPEG file: only what cameras and phones append. Pure.
//
//   zeros             padding
//   SOI … EOI         another picture: previews and gain maps (CIPA DC-007), see check_jpeg.cc
//   ftyp … boxes      a video in the ISO base media file format, complete boxes to the end
//   … SEFH … SEFT     the block that Samsung cameras append; its directory accounts for every byte
#pragma once

#include <string_view>

namespace tidegate::api {

// `bytes`: all that follows the last picture. True for zeros, a video, a Samsung block, or a video and then such a
// block; zeros may be before, between and after them.
bool is_known_jpeg_trailer(std::string_view bytes);

}  // namespace tidegate::api
