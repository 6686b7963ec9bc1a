#include "optimizer/image/png_chunks.h"

#include <cstdint>

namespace tidegate::optimizer {

namespace {

constexpr size_t kSignature = 8;
constexpr size_t kChunkFrame = 12;  // length, type and checksum
constexpr size_t kWidthAt = 16;
constexpr size_t kHeightAt = 20;

uint32_t big_endian_32(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

bool is_text(std::string_view type) { return type == "tEXt" || type == "zTXt" || type == "iTXt"; }

}  // namespace

bool png_side_exceeds(std::string_view png, const ImageLimits& limits) {
  if (png.size() < kHeightAt + 4) return false;
  const auto side_max = static_cast<uint32_t>(limits.side_max);
  return big_endian_32(png.substr(kWidthAt)) > side_max || big_endian_32(png.substr(kHeightAt)) > side_max;
}

std::string without_text_chunks(std::string_view png) {
  std::string kept;
  size_t copied = 0;  // offset in `png`
  for (size_t at = kSignature; at + kChunkFrame <= png.size();) {
    const size_t length = big_endian_32(png.substr(at));
    if (length > png.size() - at - kChunkFrame) break;
    const size_t next = at + kChunkFrame + length;
    if (is_text(png.substr(at + 4, 4))) {
      kept += png.substr(copied, at - copied);
      copied = next;
    }
    at = next;
  }
  if (copied > 0) kept += png.substr(copied);
  return kept;
}

}  // namespace tidegate::optimizer
