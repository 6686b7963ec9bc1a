// The ways through the three picture formats, and the helpers that they share. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/picture/picture_walk.h"
#include "optimizer/image/image_limits.h"

namespace tidegate::api {

// REQUIRES that sniff_image() recognizes the format of the file.
std::unique_ptr<PictureWalk> jpeg_walk(const optimizer::ImageLimits& limits);
std::unique_ptr<PictureWalk> png_walk(const optimizer::ImageLimits& limits);
std::unique_ptr<PictureWalk> webp_walk(const optimizer::ImageLimits& limits);

using Problem = std::optional<optimizer::Refusal>;

inline optimizer::Refusal bad_picture(std::string_view sentence) {
  return {400, "bad_image", std::string(sentence), {}};
}

// REQUIRES that the bytes are there.
inline uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
inline uint32_t big_16(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}
inline uint32_t big_32(std::string_view bytes, size_t at) { return big_16(bytes, at) << 16 | big_16(bytes, at + 2); }
inline uint32_t little_16(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(byte_at(bytes, at) | byte_at(bytes, at + 1) << 8);
}
inline uint32_t little_24(std::string_view bytes, size_t at) {
  return little_16(bytes, at) | static_cast<uint32_t>(byte_at(bytes, at + 2)) << 16;
}
inline uint32_t little_32(std::string_view bytes, size_t at) {
  return little_16(bytes, at) | little_16(bytes, at + 2) << 16;
}

}  // namespace tidegate::api
