// JPEG (ITU-T T.81, annex B). A marker is FF and a byte that is neither 00 nor FF. Other bytes between segments are
// skipped, as decoders do and as inside the compressed data.
#include <algorithm>

#include "api/picture/formats.h"
#include "api/picture/samsung_block.h"

namespace tidegate::api {

namespace {

constexpr size_t kSegmentLengthBytes = 2;
constexpr size_t kFrameHeaderBytes = 6;  // precision, height, width, number of components
constexpr uint32_t kPrecision = 8;       // bits per sample

constexpr uint8_t kSoi = 0xD8;
constexpr uint8_t kEoi = 0xD9;
constexpr uint8_t kSos = 0xDA;

// The restart markers and TEM have no segment.
bool has_no_segment(uint8_t marker) { return (marker >= 0xD0 && marker <= 0xD7) || marker == 0x01; }

// C0 to CF except the tables DHT, JPG and DAC.
bool begins_frame(uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Baseline, extended and progressive, with Huffman or arithmetic coding; not lossless or hierarchical.
bool is_supported(uint8_t frame) {
  return frame == 0xC0 || frame == 0xC1 || frame == 0xC2 || frame == 0xC9 || frame == 0xCA;
}

constexpr std::string_view kEoiBytes = "\xFF\xD9";
constexpr size_t kMarkerBytes = 2;

class JpegWalk final : public PictureWalk {
 public:
  explicit JpegWalk(const optimizer::ImageLimits& limits) : limits_(limits) {}

  std::optional<PictureVerdict> advance(std::string_view file) override {
    if (held_) return std::nullopt;
    while (const auto marker = find_marker(file)) {
      if (*marker == kEoi) return end();
      bool is_whole = false;
      const Problem problem = take_segment(*marker, file, &is_whole);
      if (problem && !has_scan_) return *problem;
      held_ = problem;
      if (problem || !is_whole) break;
    }
    return std::nullopt;
  }

  PictureVerdict finish(std::string_view file) override {
    const auto block = has_scan_ ? find_samsung_block(file) : std::nullopt;
    if (block && lacks_only_end(file.substr(0, *block))) return WholePicture{*block, kEoiBytes};
    return held_ ? *held_ : bad_picture("The JPEG image is truncated.");
  }

 private:
  static optimizer::Refusal damaged() { return bad_picture("The JPEG image's header is damaged."); }

  PictureVerdict end() const {
    if (!has_frame_ || !has_scan_) return bad_picture("The JPEG file contains no picture.");
    return WholePicture{at_ + kMarkerBytes};
  }

  // Whether `file` ends inside the data of a scan.
  bool lacks_only_end(std::string_view file) const {
    if (file.size() <= kMarkerBytes) return false;
    JpegWalk walk(limits_);
    return !walk.advance(file) && !walk.held_ && walk.has_scan_ && file.size() - walk.at_ < kMarkerBytes;
  }

  // Moves at_ to the next marker, past all bytes that belong to none.
  std::optional<uint8_t> find_marker(std::string_view file) {
    while (true) {
      // Skips to the next FF only where needed: data of many FF pairs would otherwise pay for a search per pair.
      if (at_ < file.size() && file[at_] != '\xFF') at_ = std::min(file.find('\xFF', at_), file.size());
      size_t after = at_;
      while (after < file.size() && file[after] == '\xFF') ++after;  // fill bytes, too
      if (after > at_) at_ = after - 1;
      if (after >= file.size()) return std::nullopt;
      const uint8_t marker = byte_at(file, after);
      if (marker != 0 && !has_no_segment(marker)) return marker;
      at_ = after + 1;
    }
  }

  Problem take_segment(uint8_t marker, std::string_view file, bool* is_whole) {
    if (marker == kSoi) return damaged();
    const std::string_view rest = file.substr(at_ + kMarkerBytes);
    if (rest.size() < kSegmentLengthBytes) return std::nullopt;
    const size_t length = big_16(rest, 0);
    if (length < kSegmentLengthBytes) return damaged();
    if (length > rest.size()) return std::nullopt;
    *is_whole = true;
    at_ += kMarkerBytes + length;
    if (begins_frame(marker)) return take_frame(marker, rest.substr(kSegmentLengthBytes, length - kSegmentLengthBytes));
    if (marker == kSos && !has_frame_) return damaged();
    has_scan_ = has_scan_ || marker == kSos;
    return std::nullopt;
  }

  Problem take_frame(uint8_t marker, std::string_view header) {
    if (has_frame_ || header.size() < kFrameHeaderBytes) return damaged();
    has_frame_ = true;
    if (!is_supported(marker) || byte_at(header, 0) != kPrecision) {
      return bad_picture("The JPEG image is lossless, hierarchical or not 8 bits per sample, which is not supported.");
    }
    const uint32_t height = big_16(header, 1);
    const uint32_t width = big_16(header, 3);
    if (width == 0 || height == 0 || header[5] == 0) return damaged();
    if (optimizer::exceeds(width, height, limits_)) return optimizer::too_large(limits_);
    return std::nullopt;
  }

  const optimizer::ImageLimits limits_;
  size_t at_ = kMarkerBytes;  // of the next marker, or of bytes before it; first after the SOI
  bool has_frame_ = false;
  bool has_scan_ = false;
  Problem held_;  // after a scan: it may be in a Samsung block, which only the end of the file shows
};

}  // namespace

std::unique_ptr<PictureWalk> jpeg_walk(const optimizer::ImageLimits& limits) {
  return std::make_unique<JpegWalk>(limits);
}

}  // namespace tidegate::api
