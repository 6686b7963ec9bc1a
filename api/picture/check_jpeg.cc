// JPEG (ITU-T T.81, annex B). A marker is FF and a byte that is neither 00 nor FF. Other bytes between segments are
// skipped, as decoders do and as inside the compressed data.
#include "api/picture/formats.h"
#include "api/picture/jpeg_trailer.h"
#include "api/picture/sniff.h"

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

// Walks one picture from its SOI to its EOI.
class JpegWalk {
 public:
  // `limits` is null for a further picture in the file: it is never decoded.
  JpegWalk(std::string_view bytes, const optimizer::ImageLimits* limits) : bytes_(bytes), limits_(limits) {}

  PictureVerdict run() {
    while (const auto marker = next_marker()) {
      if (*marker == kEoi) return end();
      if (*marker == kSoi) return damaged();
      if (auto refusal = take_segment(*marker)) return refusal;
    }
    return cut_off();
  }
  // After run() without a refusal: where the EOI ends.
  size_t end_at() const { return at_; }

 private:
  static PictureVerdict cut_off() { return bad_picture("The JPEG image is truncated."); }
  static PictureVerdict damaged() { return bad_picture("The JPEG image's header is damaged."); }

  PictureVerdict end() const {
    if (!has_frame_ || !has_scan_) return bad_picture("The JPEG file contains no picture.");
    return std::nullopt;
  }

  std::optional<uint8_t> next_marker() {
    size_t at = at_;
    const size_t end = bytes_.size();
    while (true) {
      // Skips to the next FF only where needed: data of many FF pairs would otherwise pay for a search per pair.
      if (at < end && bytes_[at] != '\xFF') at = bytes_.find('\xFF', at);
      while (at < end && bytes_[at] == '\xFF') ++at;  // fill bytes, too
      if (at >= end) return std::nullopt;
      const uint8_t marker = byte_at(bytes_, at++);
      if (marker == 0 || has_no_segment(marker)) continue;
      at_ = at;
      return marker;
    }
  }

  PictureVerdict take_segment(uint8_t marker) {
    if (bytes_.size() - at_ < kSegmentLengthBytes) return cut_off();
    const size_t length = big_16(bytes_, at_);
    if (length < kSegmentLengthBytes) return damaged();
    if (length > bytes_.size() - at_) return cut_off();
    const std::string_view segment = bytes_.substr(at_ + kSegmentLengthBytes, length - kSegmentLengthBytes);
    at_ += length;
    if (begins_frame(marker)) return take_frame(marker, segment);
    if (marker == kSos && !has_frame_) return damaged();
    has_scan_ = has_scan_ || marker == kSos;
    return std::nullopt;
  }

  PictureVerdict take_frame(uint8_t marker, std::string_view header) {
    if (has_frame_ || header.size() < kFrameHeaderBytes) return damaged();
    has_frame_ = true;
    if (!limits_) return std::nullopt;
    if (!is_supported(marker) || byte_at(header, 0) != kPrecision) {
      return bad_picture("The JPEG image is lossless, hierarchical or not 8 bits per sample, which is not supported.");
    }
    const uint32_t height = big_16(header, 1);
    const uint32_t width = big_16(header, 3);
    if (width == 0 || height == 0 || header[5] == 0) return damaged();
    if (optimizer::exceeds(width, height, *limits_)) return optimizer::too_large(*limits_);
    return std::nullopt;
  }

  const std::string_view bytes_;
  const optimizer::ImageLimits* const limits_;
  size_t at_ = 2;  // after the SOI
  bool has_frame_ = false;
  bool has_scan_ = false;
};

}  // namespace

PictureVerdict check_jpeg(std::string_view bytes, const optimizer::ImageLimits& limits) {
  const optimizer::ImageLimits* checked = &limits;
  while (true) {
    JpegWalk walk(bytes, checked);
    if (auto refusal = walk.run()) return refusal;
    const std::string_view rest = bytes.substr(walk.end_at());
    const size_t next = std::min(rest.find_first_not_of('\0'), rest.size());
    if (sniff_image(rest.substr(next)) != "image/jpeg") {
      if (is_known_jpeg_trailer(rest)) return std::nullopt;
      return bad_picture("The JPEG image is followed by other data.");
    }
    bytes = rest.substr(next);
    checked = nullptr;
  }
}

}  // namespace tidegate::api
