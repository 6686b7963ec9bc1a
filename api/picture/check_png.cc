// PNG (W3C PNG specification, third edition).
//
//   signature (8) ▶ [length (4) type (4) data crc (4)]…      first IHDR, then chunks with IDAT, last IEND
#include "api/picture/formats.h"

namespace tidegate::api {

namespace {

constexpr size_t kSignatureBytes = 8;
constexpr size_t kChunkFrame = 12;  // length, type and CRC
constexpr size_t kHeaderBytes = 13;
constexpr size_t kHeaderChunk = kChunkFrame + kHeaderBytes;
constexpr uint32_t kNumberMax = 0x7FFFFFFF;  // of lengths and dimensions
constexpr size_t kTypeBytes = 4;

constexpr char kPngCutOff[] = "The PNG image is truncated.";
constexpr char kPngDamaged[] = "The PNG image's header is damaged.";
constexpr char kChunkDamaged[] = "The PNG image is damaged.";

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

// REQUIRES that the header is there.
Problem check_header(std::string_view bytes, const optimizer::ImageLimits& limits) {
  const std::string_view chunk = bytes.substr(kSignatureBytes, kHeaderChunk);
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

class PngWalk final : public PictureWalk {
 public:
  explicit PngWalk(const optimizer::ImageLimits& limits) : limits_(limits) {}

  std::optional<PictureVerdict> advance(std::string_view file) override {
    if (at_ == 0) {
      if (file.size() < kSignatureBytes + kHeaderChunk) return std::nullopt;
      if (const auto problem = check_header(file, limits_)) return *problem;
      needs_palette_ = byte_at(file, 25) == 3;  // colour type
      at_ = kSignatureBytes + kHeaderChunk;
    }
    while (file.size() - at_ >= kChunkFrame) {
      const size_t length = big_32(file, at_);
      const std::string_view type = file.substr(at_ + 4, kTypeBytes);
      if (length > kNumberMax || !is_type(type) || type == "IHDR") return bad_picture(kChunkDamaged);
      if (length > file.size() - at_ - kChunkFrame) return std::nullopt;
      at_ += kChunkFrame + length;
      has_palette_ = has_palette_ || type == "PLTE";
      has_data_ = has_data_ || (type == "IDAT" && (has_palette_ || !needs_palette_));
      if (type != "IEND") continue;
      if (length != 0) return bad_picture(kChunkDamaged);
      if (!has_data_) return bad_picture("The PNG file contains no picture.");
      return WholePicture{at_};
    }
    return std::nullopt;
  }

  PictureVerdict finish(std::string_view) override { return bad_picture(kPngCutOff); }

 private:
  const optimizer::ImageLimits limits_;
  size_t at_ = 0;  // of a chunk; 0: the header is not there yet
  bool needs_palette_ = false;
  bool has_palette_ = false;
  bool has_data_ = false;
};

}  // namespace

std::unique_ptr<PictureWalk> png_walk(const optimizer::ImageLimits& limits) {
  return std::make_unique<PngWalk>(limits);
}

}  // namespace tidegate::api
