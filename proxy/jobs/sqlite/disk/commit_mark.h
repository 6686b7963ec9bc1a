// What the last promised commit has left, in a file of its own beside the database (PATH.mark): without it, a log that
// was deleted or cut off looks like one that never was. Written after each commit and before anybody is told of it,
// without a sync of its own: it is then in the kernel's memory, which outlives the process, and never ahead of the log,
// which was synced before. After a power failure it may be older than the log; then it claims less, never too much.
//
//   offset  bytes
//   0       8      "TGMARK1\n"
//   8       8      salts of the log
//   16      8      frames of the log, and how many of these were in the database
//   24      8      commits in the log
//   32      8      the next job's number
//   40      64     jobs by status
//   104     4      CRC-32C of the above; little-endian as all of it
//   108     4      generation of the files of bodies
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "jobs/job.h"
#include "jobs/sqlite/disk/wal.h"

namespace tidegate::jobs {

// What must be found where nothing was lost.
struct StoreCounts {
  int64_t next_seq = 0;
  std::array<uint64_t, kJobStatusCount + 1> jobs{};  // by status, with accepting
  // Another random number each time that a file of a body becomes a job's: a copy of the database from before has not
  // the one of the mark. 0 = none has.
  uint32_t file_generation = 0;
  uint64_t all_jobs() const;
};

struct CommitMark {
  WalPosition log;       // no frames: all is in the database
  uint64_t commits = 0;  // in that log
  StoreCounts counts;

  bool log_is_needed() const { return log.frames > log.in_database; }
};

class CommitMarkFile {
 public:
  // Makes it, or reads what the run before has left. Errors: io.
  static Result<CommitMarkFile> open(const std::string& database);
  CommitMarkFile(CommitMarkFile&& other) noexcept;
  CommitMarkFile& operator=(CommitMarkFile&&) = delete;
  ~CommitMarkFile();

  // Nothing where there was none, or it could not be read: then nothing is known.
  const std::optional<CommitMark>& last() const { return last_; }
  // After a commit. A mark that cannot be written is logged: the one before still holds.
  void note(const WalPosition& log, const StoreCounts& counts);
  // Where the log now has so many commits, more than were marked: counted from there.
  void count_from(uint64_t commits_in_log);
  // The database has all of the log. Once this has succeeded, and not before, the log may be deleted.
  Status settle(const StoreCounts& counts);

 private:
  CommitMarkFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  void read();
  Status write();

  int fd_;
  std::string path_;
  std::optional<CommitMark> last_;
  bool failing_ = false;
};

}  // namespace tidegate::jobs
