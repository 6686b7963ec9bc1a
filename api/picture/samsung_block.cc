#include "api/picture/samsung_block.h"

#include <algorithm>

#include "api/picture/formats.h"

namespace tidegate::api {

namespace {

constexpr size_t kTail = 8;
constexpr size_t kDirectoryHeader = 12;
constexpr size_t kEntry = 12;

std::string_view without_last_zeros(std::string_view bytes) {
  return bytes.substr(0, bytes.find_last_not_of('\0') + 1);  // npos + 1 is 0
}

}  // namespace

// Little-endian.
std::optional<size_t> find_samsung_block(std::string_view file) {
  file = without_last_zeros(file);
  if (file.size() < kTail + kDirectoryHeader || !file.ends_with("SEFT")) return std::nullopt;
  const uint32_t length = little_32(file, file.size() - kTail);
  if (length < kDirectoryHeader || length > file.size() - kTail) return std::nullopt;
  const size_t directory_at = file.size() - kTail - length;
  const std::string_view directory = file.substr(directory_at, length);
  const uint64_t count = little_32(directory, 8);
  if (!directory.starts_with("SEFH") || count == 0 || length != kDirectoryHeader + count * kEntry) return std::nullopt;
  uint32_t farthest = 0;
  for (size_t at = kDirectoryHeader; at < length; at += kEntry) {
    const uint32_t offset = little_32(directory, at + 4);
    const uint32_t size = little_32(directory, at + 8);
    if (offset > directory_at || size > offset) return std::nullopt;
    farthest = std::max(farthest, offset);
  }
  return directory_at - farthest;
}

}  // namespace tidegate::api
