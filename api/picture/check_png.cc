// PNG (W3C PNG specification, third edition).
//
//   signature (8) ▶ [length (4) type (4) data crc (4)]…      first IHDR, then chunks with IDAT, last IEND
#include "api/picture/formats.h"

namespace tidegate::api {

namespace {

constexpr size_t kSignatureBytes = 8;
constexpr size_t kChunkFrame = 12;  // length, type and CRC
constexpr size_t kHeaderBytes = 13;
constexpr uint32_t kNumberMax = 0x7FFFFFFF;  // of lengths and dimensions
constexpr size_t kTypeBytes = 4;

constexpr char kPngCutOff[] = "The PNG image is truncated.";
constexpr char kPngDamaged[] = "The PNG image's header is damaged.";
constexpr char kFollowed[] = "The PNG image is followed by other data.";

// CRC-32 of ISO 3309, bit by bit: the input is 17 bytes.
uint32_t crc_32(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// Table 11.1: the bit depths of each colour type.
bool depth_fits(uint8_t depth, uint8_t colour_type) {
  const bool is_power = depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
  switch (colour_type) {
    case 0: return is_power;
    case 3: return is_power && depth <= 8;
    case 2:
    case 4:
    case 6: return depth == 8 || depth == 16;
    default: return false;
  }
}

PictureVerdict check_header(std::string_view bytes, const optimizer::ImageLimits& limits) {
  if (bytes.size() < kSignatureBytes + kChunkFrame + kHeaderBytes) return bad_picture(kPngCutOff);
  const std::string_view chunk = bytes.substr(kSignatureBytes, kChunkFrame + kHeaderBytes);
  if (big_32(chunk, 0) != kHeaderBytes || chunk.substr(4, kTypeBytes) != "IHDR") return bad_picture(kPngDamaged);
  if (crc_32(chunk.substr(4, kTypeBytes + kHeaderBytes)) != big_32(chunk, 8 + kHeaderBytes)) {
    return bad_picture(kPngDamaged);
  }
  const std::string_view header = chunk.substr(8, kHeaderBytes);
  const uint32_t width = big_32(header, 0);
  const uint32_t height = big_32(header, 4);
  const bool known_methods = header[10] == 0 && header[11] == 0 && byte_at(header, 12) <= 1;
  if (width == 0 || height == 0 || width > kNumberMax || height > kNumberMax || !known_methods ||
      !depth_fits(byte_at(header, 8), byte_at(header, 9))) {
    return bad_picture(kPngDamaged);
  }
  if (optimizer::exceeds(width, height, limits)) return optimizer::too_large(limits);
  return std::nullopt;
}

bool is_type(std::string_view type) {
  for (const char c : type) {
    if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) return false;
  }
  return true;
}

}  // namespace

PictureVerdict check_png(std::string_view bytes, const optimizer::ImageLimits& limits) {
  if (auto refusal = check_header(bytes, limits)) return refusal;
  const bool needs_palette = byte_at(bytes, 25) == 3;  // colour type
  bool has_palette = false;
  bool has_data = false;
  for (std::string_view rest = bytes.substr(kSignatureBytes + kChunkFrame + kHeaderBytes); !rest.empty();) {
    if (rest.size() < kChunkFrame) return bad_picture(kPngCutOff);
    const uint32_t length = big_32(rest, 0);
    const std::string_view type = rest.substr(4, kTypeBytes);
    if (length > kNumberMax || !is_type(type)) return bad_picture("The PNG image is damaged.");
    if (length > rest.size() - kChunkFrame) return bad_picture(kPngCutOff);
    rest.remove_prefix(kChunkFrame + length);
    has_palette = has_palette || type == "PLTE";
    has_data = has_data || (type == "IDAT" && (has_palette || !needs_palette));
    if (type == "IHDR") return bad_picture("The PNG image is damaged.");
    if (type != "IEND") continue;
    if (length != 0 || !has_data) return bad_picture("The PNG file contains no picture.");
    if (!rest.empty()) return bad_picture(kFollowed);
    return std::nullopt;
  }
  return bad_picture(kPngCutOff);
}

}  // namespace tidegate::api
