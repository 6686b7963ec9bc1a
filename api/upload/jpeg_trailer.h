// What may follow the last picture of a JPEG file: what cameras and phones write there, and nothing else. Pure.
//
//   zeros             padding
//   SOI … EOI         another picture: previews and gain maps (CIPA DC-007), walked like the first    (picture_jpeg.cc)
//   ftyp … boxes      a moving picture in the ISO base media file format, whole boxes to the end
//   … SEFH … SEFT     the block that Samsung's cameras append; its directory counts every byte of it
#pragma once

#include <string_view>

namespace tidegate::api {

// Of all that follows the last picture: true where it is zeros, a movie, the block, or a movie and then the block; with
// zeros before, between and after them.
bool is_known_jpeg_trailer(std::string_view bytes);

}  // namespace tidegate::api
