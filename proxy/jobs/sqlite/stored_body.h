// Bodies and results in the store. Small ones, and all of the file formats before 4, are one value of a row. Large ones
// are rows of one table, so that a piece is read or written in the same time wherever it is, and a body is written by
// many small commits, between which others have theirs. The chunks of the largest ones (SqliteOptions::body_file_min)
// are in a file of their own (disk/body_files.h): their bytes are written once, not into the WAL and then into the
// database, and by another thread.
//
//   table chunks: owner, n, crc, bytes (kChunkBytes, the last one fewer)      table unowned: owner, bytes
//   table body_files: owner, name, crcs (4 bytes a chunk, little-endian; none: the file is not whole)
//
//   ChunkWriter ── unowned ── chunk, chunk, … ── all written ──▶ own_chunks(): a job's ── disown_chunks() ──┐
//                     └─ given up, or the process has ended ──▶ delete_unowned(): some at a time ◀──────────┘
//
// Whatever the tables hold counts as stored bytes, whoever owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "jobs/job.h"
#include "jobs/sqlite/db/db.h"
#include "jobs/sqlite/disk/body_write.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

// Where a stored body is.
struct StoredBlob {
  const char* table = "bodies";
  int64_t row = 0;
  uint64_t size = 0;
  int64_t chunks = 0;  // the owner of its chunks; 0: it is the value `bytes` of the row
};

// `crc` continued over a value; one that is missing or shorter than its size matches no checksum.
uint32_t blob_crc(SqliteDb& db, const StoredBlob& blob, uint32_t crc);
inline constexpr uint64_t kChunkStepBytes = 512 * 1024;  // written by one step, into the table

inline bool is_large(const BodyContent& body) { return body.size() > kChunkBytes; }  // a smaller one is one value

// Writes a large body, a step in each commit. Where it is destroyed before own_chunks(), what it has written is
// deleted.
class ChunkWriter {
 public:
  // `body` outlives this.
  explicit ChunkWriter(const BodyContent& body) : body_(body) {}

  // True: all is written. Errors: io (the kept body cannot be read, its file not be written), exhausted (the disk).
  Result<bool> step(SqliteStore& store);
  bool begun() const { return owner_ != nullptr; }
  // For its file: a step would do nothing.
  bool waits() const { return in_file_ && !in_file_->ended(); }
  // REQUIRES that step() has returned true. In the transaction that gives the chunks to a job; returns their owner.
  int64_t own_chunks(SqliteStore& store) const;

 private:
  void reserve(SqliteStore& store);
  Result<bool> write_chunks(SqliteStore& store);
  Status write_chunk(SqliteStore& store);
  Result<bool> finish_file(SqliteStore& store);

  const BodyContent& body_;
  std::shared_ptr<const int64_t> owner_;      // while it exists, the chunks are not deleted
  std::shared_ptr<const BodyWrite> in_file_;  // instead of rows
  uint64_t written_ = 0;
};

// The job that owned them needs them no more.
void disown_chunks(SqliteStore& store, int64_t owner, uint64_t bytes);
// Deletes some of what is owned by nobody and written by nobody. True: there may be more.
bool delete_unowned(SqliteStore& store);

// The checksum of a record whose body is in chunks, which have their own: `crc` continued over where and how long it
// is.
uint32_t chunked_crc(int64_t owner, uint64_t size, uint32_t crc);

// The piece of `blob` that begins at `n` * kChunkBytes. Errors: io (it is damaged), not_found (its file is missing),
// unavailable (its file cannot be read, or all are missing: another look may find it).
Result<std::string> read_chunk(SqliteStore& store, const StoredBlob& blob, uint64_t n);
// Whether the file of these chunks can be opened, where they have one. Errors: as read_chunk's.
Status check_body_file(SqliteStore& store, int64_t chunks);

}  // namespace tidegate::jobs
