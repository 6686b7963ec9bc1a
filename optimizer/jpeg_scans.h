// How often a decoder has to go over the pixels of a JPEG. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidegate::optimizer {

// Cameras write 1 scan and programs about 10; the format allows thousands, each of which costs as much time as the
// image is large and as few bytes as its author likes.
inline constexpr size_t kJpegScansMax = 100;

// The scans of `jpeg`, up to `limit`: SOS markers outside of other segments (ITU-T T.81, annex B). Stops where the
// markers make no sense: what is wrong there is the decoder's to say.
size_t count_scans(std::string_view jpeg, size_t limit);

}  // namespace tidegate::optimizer
