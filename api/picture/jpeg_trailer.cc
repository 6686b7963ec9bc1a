#include "api/picture/jpeg_trailer.h"

#include <algorithm>

#include "api/picture/formats.h"

namespace tidegate::api {

namespace {

constexpr size_t kBoxHeader = 8;
constexpr size_t kLargeBoxHeader = 16;

bool is_zeros(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

std::string_view without_last_zeros(std::string_view bytes) {
  return bytes.substr(0, bytes.find_last_not_of('\0') + 1);  // npos + 1 is 0
}

bool is_box_type(std::string_view type) {
  for (const char c : type) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte != 0xA9 && (byte < 0x20 || byte > 0x7E)) return false;  // some types begin with ©
  }
  return true;
}

// The length of the box at the beginning of `bytes` (ISO/IEC 14496-12 section 4.2); 0: there is no box.
uint64_t box_length(std::string_view bytes) {
  if (bytes.size() < kBoxHeader || !is_box_type(bytes.substr(4, 4))) return 0;
  uint64_t length = big_32(bytes, 0);
  const bool is_large = length == 1;
  if (is_large && bytes.size() < kLargeBoxHeader) return 0;
  if (is_large) length = uint64_t{big_32(bytes, 8)} << 32 | big_32(bytes, 12);
  if (length == 0) length = bytes.size();  // up to the end of the file
  return length < (is_large ? kLargeBoxHeader : kBoxHeader) || length > bytes.size() ? 0 : length;
}

// The offset of a video after zeros; npos: there is none. The length of its first box begins with zeros, too.
size_t find_video(std::string_view bytes) {
  const size_t first = std::min(bytes.find_first_not_of('\0'), bytes.size());
  for (size_t at = first - std::min<size_t>(first, 3); at <= first && at + kBoxHeader <= bytes.size(); ++at) {
    if (bytes.substr(at + 4, 4) == "ftyp" && box_length(bytes.substr(at)) != 0) return at;
  }
  return std::string_view::npos;
}

std::string_view after_boxes(std::string_view bytes) {
  while (const uint64_t length = box_length(bytes)) bytes.remove_prefix(length);
  return bytes;
}

//   blocks … "SEFH" version (4) count (4) [0 (2) type (2) offset back from SEFH (4) length (4)]… n (4) "SEFT"
//            └────────────────────────────── n bytes ──────────────────────────────────────┘
// Little-endian. The blocks fill everything before SEFH, except for zeros in front.
bool is_samsung_block(std::string_view bytes) {
  bytes = without_last_zeros(bytes);
  constexpr size_t kTail = 8;
  constexpr size_t kDirectoryHeader = 12;
  constexpr size_t kEntry = 12;
  if (bytes.size() < kTail + kDirectoryHeader || !bytes.ends_with("SEFT")) return false;
  const uint32_t length = little_32(bytes, bytes.size() - kTail);
  if (length < kDirectoryHeader || length > bytes.size() - kTail) return false;
  const size_t blocks = bytes.size() - kTail - length;  // bytes before the directory
  const std::string_view directory = bytes.substr(blocks, length);
  const uint64_t count = little_32(directory, 8);
  if (!directory.starts_with("SEFH") || count == 0 || length != kDirectoryHeader + count * kEntry) return false;
  size_t covered = 0;
  for (size_t at = kDirectoryHeader; at < length; at += kEntry) {
    const uint32_t offset = little_32(directory, at + 4);
    const uint32_t size = little_32(directory, at + 8);
    if (offset > blocks || size > offset) return false;
    covered += size;
  }
  return covered <= blocks && is_zeros(bytes.substr(0, blocks - covered));
}

}  // namespace

bool is_known_jpeg_trailer(std::string_view bytes) {
  const size_t video = find_video(bytes);
  const std::string_view rest = video == std::string_view::npos ? bytes : after_boxes(bytes.substr(video));
  return is_zeros(rest) || is_samsung_block(rest);
}

}  // namespace tidegate::api
