// Counts the scans of a JPEG: how often a decoder passes over its pixels. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidegate::optimizer {

// Cameras write 1 scan and programs about 10. The format allows thousands: each costs time by the size of the image,
// and may be a few bytes long.
inline constexpr size_t kJpegScansMax = 100;

// The scans of `jpeg`, up to `limit`: SOS markers outside other segments (ITU-T T.81, annex B). Stops at an invalid
// marker: the decoder will report it.
size_t count_scans(std::string_view jpeg, size_t limit);

}  // namespace tidegate::optimizer
