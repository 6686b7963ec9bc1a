#include "jobs/sqlite/disk/commit_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/private_files.h"

namespace tidegate::jobs {

namespace {

constexpr char kMarkMagic[9] = "TGMARK1\n";
static_assert(std::endian::native == std::endian::little);

struct Stored {
  char magic[8];
  uint32_t salt_1, salt_2, frames, in_database;
  uint64_t commits;
  int64_t next_seq;
  uint64_t jobs[8];
  uint32_t crc;
  uint32_t file_generation;  // behind the CRC: 0 in marks of older versions
};
constexpr size_t kCovered = offsetof(Stored, crc);
static_assert(kCovered == 104 && std::tuple_size_v<decltype(StoreCounts::jobs)> == 8);

uint32_t crc_of(const Stored& stored) { return crc32c({reinterpret_cast<const char*>(&stored), kCovered}); }

Error error_of(const char* what, const std::string& path) {
  return {ErrorCode::io, std::string(what) + " " + path + ": " + std::strerror(errno)};
}

}  // namespace

uint64_t StoreCounts::all_jobs() const { return std::accumulate(jobs.begin(), jobs.end(), uint64_t{0}); }

Result<CommitMarkFile> CommitMarkFile::open(const std::string& database) {
  const std::string path = database + ".mark";
  if (const Status made = make_private_file(path); !made) return made.error();
  keep_private(path);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return error_of("open", path);
  CommitMarkFile file(fd, path);
  file.read();
  return file;
}

CommitMarkFile::CommitMarkFile(CommitMarkFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), last_(other.last_), failing_(other.failing_) {}

CommitMarkFile::~CommitMarkFile() {
  if (fd_ >= 0) ::close(fd_);
}

void CommitMarkFile::read() {
  Stored stored{};
  if (::pread(fd_, &stored, sizeof stored, 0) != static_cast<ssize_t>(sizeof stored)) return;
  if (std::memcmp(stored.magic, kMarkMagic, sizeof stored.magic) != 0 || crc_of(stored) != stored.crc) return;
  last_.emplace();
  last_->log = {{stored.salt_1, stored.salt_2}, stored.frames, stored.in_database};
  last_->commits = stored.commits;
  last_->counts.next_seq = stored.next_seq;
  last_->counts.file_generation = stored.file_generation;
  std::copy(std::begin(stored.jobs), std::end(stored.jobs), last_->counts.jobs.begin());
}

Status CommitMarkFile::write() {
  Stored stored{};
  std::memcpy(stored.magic, kMarkMagic, sizeof stored.magic);
  stored.salt_1 = last_->log.salts.first;
  stored.salt_2 = last_->log.salts.second;
  stored.frames = last_->log.frames;
  stored.in_database = last_->log.in_database;
  stored.commits = last_->commits;
  stored.next_seq = last_->counts.next_seq;
  stored.file_generation = last_->counts.file_generation;
  std::copy(last_->counts.jobs.begin(), last_->counts.jobs.end(), std::begin(stored.jobs));
  stored.crc = crc_of(stored);
  if (::pwrite(fd_, &stored, sizeof stored, 0) != static_cast<ssize_t>(sizeof stored)) return error_of("write", path_);
  return Ok{};
}

void CommitMarkFile::note(const WalPosition& log, const StoreCounts& counts) {
  const bool same_log = last_ && last_->log.salts == log.salts;
  if (same_log && last_->log.frames == log.frames) return;  // a commit of nothing
  const uint64_t before = same_log ? last_->commits : 0;
  last_ = CommitMark{log, log.frames == 0 ? 0 : before + 1, counts};
  const Status written = write();
  if (!written && !failing_) log_warn("commit_mark_failed", {{"reason", written.error().message}});
  failing_ = !written;
}

void CommitMarkFile::count_from(uint64_t commits_in_log) {
  if (last_) last_->commits = commits_in_log;
}

Status CommitMarkFile::settle(const StoreCounts& counts) {
  const WalSalts salts = last_ ? last_->log.salts : WalSalts{};
  last_ = CommitMark{{salts, 0, 0}, 0, counts};
  if (Status written = write(); !written) return written;
  return ::fdatasync(fd_) == 0 ? Status(Ok{}) : Status(error_of("fsync", path_));
}

}  // namespace tidegate::jobs
