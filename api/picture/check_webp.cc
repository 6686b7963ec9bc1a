// WebP (RFC 9649).
//
//   "RIFF" length (4) "WEBP" ▶ [type (4) length (4) data, padded to an even length]…
#include "api/picture/formats.h"

namespace tidegate::api {

namespace {

constexpr size_t kRiffHead = 12;
constexpr size_t kChunkHead = 8;
constexpr size_t kCountedHead = 4;  // the length includes "WEBP"

constexpr char kWebpCutOff[] = "The WebP image is truncated.";
constexpr char kWebpDamaged[] = "The WebP image's header is damaged.";

struct Size {
  uint32_t width = 0;
  uint32_t height = 0;
};
bool operator==(const Size& a, const Size& b) { return a.width == b.width && a.height == b.height; }

// The header of a key frame (RFC 6386 section 9.1).
std::optional<Size> lossy_size(std::string_view data) {
  if (data.size() < 10) return std::nullopt;
  const uint32_t tag = little_24(data, 0);
  const bool is_key_frame = (tag & 1) == 0;
  const bool is_shown = (tag >> 4 & 1) != 0;
  if (!is_key_frame || !is_shown || (tag >> 1 & 7) > 3 || tag >> 5 >= data.size()) return std::nullopt;
  if (data.substr(3, 3) != "\x9D\x01\x2A") return std::nullopt;
  return Size{little_16(data, 6) & 0x3FFF, little_16(data, 8) & 0x3FFF};
}

// One byte of signature, then 14 bits of width - 1, 14 of height - 1, one of alpha, three of version.
std::optional<Size> lossless_size(std::string_view data) {
  if (data.size() < 5 || byte_at(data, 0) != 0x2F) return std::nullopt;
  const uint32_t bits = little_32(data, 1);
  if (bits >> 29 != 0) return std::nullopt;
  return Size{(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
}

// Flags (4), then 24 bits of width - 1 and 24 of height - 1.
std::optional<Size> canvas_size(std::string_view data) {
  if (data.size() < 10) return std::nullopt;
  return Size{little_24(data, 4) + 1, little_24(data, 7) + 1};
}

std::optional<Size> size_in(std::string_view type, std::string_view data) {
  if (type == "VP8 ") return lossy_size(data);
  if (type == "VP8L") return lossless_size(data);
  return type == "VP8X" ? canvas_size(data) : std::nullopt;
}

// The chunks of one file.
class WebpChunks {
 public:
  explicit WebpChunks(const optimizer::ImageLimits& limits) : limits_(limits) {}

  Problem check(std::string_view rest) {
    while (!rest.empty()) {
      if (rest.size() < kChunkHead) return bad_picture(kWebpCutOff);
      const std::string_view type = rest.substr(0, 4);
      const size_t length = little_32(rest, 4);
      rest.remove_prefix(kChunkHead);
      if (length > rest.size()) return bad_picture(kWebpCutOff);
      if (auto refusal = take(type, rest.substr(0, length))) return refusal;
      rest.remove_prefix(std::min(rest.size(), length + (length & 1)));
    }
    if (!has_frame_) return bad_picture("The WebP file contains no picture.");
    return std::nullopt;
  }

 private:
  Problem take(std::string_view type, std::string_view data) {
    const bool is_frame = type == "VP8 " || type == "VP8L";
    const bool is_first = !size_;
    if (is_first || is_frame) {
      const auto size = size_in(type, data);
      if (!size || size->width == 0 || size->height == 0) return bad_picture(kWebpDamaged);
      if (optimizer::exceeds(size->width, size->height, limits_)) return optimizer::too_large(limits_);
      if (!is_first && !(*size == *size_)) return bad_picture(kWebpDamaged);
      size_ = size;
    }
    has_frame_ = has_frame_ || is_frame || type == "ANMF";
    return std::nullopt;
  }

  const optimizer::ImageLimits limits_;
  std::optional<Size> size_;  // of the first chunk; the others must have the same
  bool has_frame_ = false;
};

// The header tells the end; the chunks are checked once they are there.
class WebpWalk final : public PictureWalk {
 public:
  explicit WebpWalk(const optimizer::ImageLimits& limits) : limits_(limits) {}

  std::optional<PictureVerdict> advance(std::string_view file) override {
    const uint64_t end = kChunkHead + uint64_t{little_32(file, 4)};
    if (end < kChunkHead + kCountedHead) return bad_picture(kWebpDamaged);
    if (end > file.size()) return std::nullopt;
    if (const auto problem = WebpChunks(limits_).check(file.substr(kRiffHead, end - kRiffHead))) return *problem;
    return WholePicture{end};
  }

  PictureVerdict finish(std::string_view) override { return bad_picture(kWebpCutOff); }

 private:
  const optimizer::ImageLimits limits_;
};

}  // namespace

std::unique_ptr<PictureWalk> webp_walk(const optimizer::ImageLimits& limits) {
  return std::make_unique<WebpWalk>(limits);
}

}  // namespace tidegate::api
