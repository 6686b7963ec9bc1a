// One large body on its way into a file of its own: a step at a time, each ending with a sync, on the thread of
// body_files.h. Who wants the body holds it; who lets it go has it stop after the step under way.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jobs/job.h"
#include "jobs/sqlite/disk/body_file.h"

namespace tidegate::jobs {

inline constexpr uint64_t kChunkBytes = 256 * 1024;  // what has one checksum of a large body

// A piece of a body on its way into the store. Errors: io (its file cannot be read, or is shorter than it was).
Result<std::string> read_content(const BodyContent& body, uint64_t offset, uint64_t count);
// Of the `n`-th chunk of that owner.
uint32_t chunk_crc(int64_t owner, uint64_t n, std::string_view bytes);

class BodyWrite {
 public:
  // So much is written between two syncs. More at once holds up the commits beside it, less takes longer: 512 MiB take
  // 2.6 s with 4 MiB, 1.8 s with 16 MiB, 1.7 s with one sync at the end.
  static constexpr uint64_t kStepBytes = 16 << 20;

  // `owner`: shared with who asks whether its chunks are being written.
  // `unwritten`: bytes of all that is not written yet; this adds its own.
  BodyWrite(std::string path, std::shared_ptr<const int64_t> owner, BodyContent body,
            std::shared_ptr<std::atomic<uint64_t>> unwritten);
  ~BodyWrite();

  // The files' thread. True: it has ended.
  bool step(sqlite3_vfs* vfs);
  // Instead of a step.
  void fail(const Error& why) { end(why); }

  // Any thread.
  bool ended() const { return ended_; }
  // REQUIRES ended(). All is on the disk: the checksums of its chunks, 4 bytes each, little-endian. Errors: io,
  // exhausted (the disk is full).
  const Result<std::string>& checksums() const { return *checksums_; }

 private:
  Result<bool> write_on(sqlite3_vfs* vfs);
  Status write_chunk();
  void end(Result<std::string> checksums);

  const std::string path_;
  const std::shared_ptr<const int64_t> owner_;
  const BodyContent body_;
  const std::shared_ptr<std::atomic<uint64_t>> unwritten_;
  std::optional<BodyFile> file_;
  uint64_t written_ = 0;
  std::string crcs_;
  std::optional<Result<std::string>> checksums_;  // set before ended_
  std::atomic<bool> ended_{false};
};

}  // namespace tidegate::jobs
