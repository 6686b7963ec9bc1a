#include "optimizer/image/jpeg_scans.h"

#include <cstdint>

namespace tidegate::optimizer {

namespace {

constexpr uint8_t kStartOfScan = 0xDA;
constexpr uint8_t kEndOfImage = 0xD9;

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

// In the data of a scan, 0xFF is followed by 0 or by a restart marker, or is padding before a marker.
bool ends_data(uint8_t after_ff) { return after_ff != 0 && after_ff != 0xFF && (after_ff < 0xD0 || after_ff > 0xD7); }

// The offset of the marker that ends the data at `at`; npos: there is none.
size_t end_of_data(std::string_view jpeg, size_t at) {
  for (;;) {
    at = jpeg.find('\xFF', at);
    if (at == std::string_view::npos || at + 1 >= jpeg.size()) return std::string_view::npos;
    if (ends_data(byte_at(jpeg, at + 1))) return at;
    ++at;
  }
}

}  // namespace

size_t count_scans(std::string_view jpeg, size_t limit) {
  size_t scans = 0;
  size_t at = end_of_data(jpeg, 2);  // after SOI
  while (at != std::string_view::npos && at + 4 <= jpeg.size() && scans < limit) {
    const uint8_t marker = byte_at(jpeg, at + 1);
    if (marker == kEndOfImage) break;
    const size_t length = static_cast<size_t>(byte_at(jpeg, at + 2)) << 8 | byte_at(jpeg, at + 3);
    if (marker == kStartOfScan) ++scans;
    at = end_of_data(jpeg, at + 2 + length);
  }
  return scans;
}

}  // namespace tidegate::optimizer
