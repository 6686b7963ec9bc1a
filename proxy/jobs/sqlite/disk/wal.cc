#include "jobs/sqlite/disk/wal.h"

#include <array>
#include <cstring>
#include <fstream>

namespace tidegate::jobs {

namespace {

constexpr uint32_t kWalMagic = 0x377f0682;  // or 1 more: the checksums are made of big-endian words
constexpr uint32_t kFormat = 3007000;
constexpr size_t kHeaderBytes = 32, kFrameHeaderBytes = 24;
constexpr uint32_t kPageMin = 512, kPageMax = 65536;
// The index: two copies of its header, then the checkpoints'.
constexpr int kIndexPage = 32768;
constexpr size_t kIndexFrames = 16, kIndexSalts = 32, kIndexInDatabase = 96;

uint32_t big_endian(const char* bytes) {
  const auto* b = reinterpret_cast<const unsigned char*>(bytes);
  return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3];
}

uint32_t native(const volatile char* bytes) {
  std::array<char, 4> copy{};
  for (size_t i = 0; i < copy.size(); ++i) copy[i] = bytes[i];
  uint32_t value = 0;
  std::memcpy(&value, copy.data(), copy.size());
  return value;
}

class Checksum {
 public:
  explicit Checksum(bool big_endian_words) : big_endian_words_(big_endian_words) {}
  // REQUIRES a multiple of 8.
  void add(const char* bytes, size_t count) {
    for (size_t i = 0; i < count; i += 8) {
      first_ += word(bytes + i) + second_;
      second_ += word(bytes + i + 4) + first_;
    }
  }
  bool is(const char* stored) const { return big_endian(stored) == first_ && big_endian(stored + 4) == second_; }

 private:
  uint32_t word(const char* bytes) const {
    const uint32_t big = big_endian(bytes);
    return big_endian_words_ ? big : __builtin_bswap32(big);
  }
  bool big_endian_words_;
  uint32_t first_ = 0, second_ = 0;
};

class WalReader {
 public:
  explicit WalReader(const std::string& path) : file_(path, std::ios::binary) {}

  WalContent read() {
    std::array<char, kHeaderBytes> header{};
    if (!file_.read(header.data(), header.size())) return content_;
    const uint32_t magic = big_endian(header.data());
    page_ = big_endian(&header[8]);
    Checksum sum((magic & 1) != 0);
    sum.add(header.data(), 24);
    content_.valid = (magic & ~1u) == kWalMagic && big_endian(&header[4]) == kFormat && page_ >= kPageMin &&
                     page_ <= kPageMax && (page_ & (page_ - 1)) == 0 && sum.is(&header[24]);
    if (!content_.valid) return content_;
    content_.salts = {big_endian(&header[16]), big_endian(&header[20])};
    read_frames(sum);
    return content_;
  }

 private:
  void read_frames(Checksum& sum) {
    std::string frame(kFrameHeaderBytes + page_, '\0');
    uint32_t number = 0;
    bool right = true, commit_behind = false;
    while (file_.read(frame.data(), static_cast<std::streamsize>(frame.size()))) {
      ++number;
      const bool ours = WalSalts{big_endian(&frame[8]), big_endian(&frame[12])} == content_.salts;
      const bool commits = big_endian(&frame[4]) != 0;
      if (right && ours && big_endian(frame.data()) != 0) {
        sum.add(frame.data(), 8);
        sum.add(&frame[kFrameHeaderBytes], page_);
        right = sum.is(&frame[16]);
      } else {
        right = false;
      }
      if (right && commits) {
        content_.frames = number;
        ++content_.commits;
      }
      if (right || !ours) continue;
      if (commit_behind) content_.broken_inside = true;
      commit_behind = commit_behind || commits;
    }
  }

  std::ifstream file_;
  uint32_t page_ = 0;
  WalContent content_;
};

}  // namespace

WalContent read_wal(const std::string& path) { return WalReader(path).read(); }

std::optional<WalPosition> wal_position(sqlite3* db) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return std::nullopt;
  if (!file || !file->pMethods || file->pMethods->iVersion < 2) return std::nullopt;
  volatile void* index = nullptr;
  if (file->pMethods->xShmMap(file, 0, kIndexPage, 0, &index) != SQLITE_OK || !index) return std::nullopt;
  const auto* bytes = static_cast<const volatile char*>(index);
  if (native(bytes) != kFormat) return std::nullopt;
  const auto salt = [&](size_t at) { return __builtin_bswap32(native(bytes + at)); };  // as in the header of the log
  return WalPosition{
      {salt(kIndexSalts), salt(kIndexSalts + 4)}, native(bytes + kIndexFrames), native(bytes + kIndexInDatabase)};
}

}  // namespace tidegate::jobs
