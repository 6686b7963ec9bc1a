#include "jobs/sqlite/stored_body.h"

#include <algorithm>
#include <optional>

#include "base/crc32c.h"
#include "base/log.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kValuePiece = 1 << 20;
constexpr int kDeletedMax = 8;  // chunks, in one sweep
}  // namespace

uint32_t blob_crc(SqliteDb& db, const StoredBlob& blob, uint32_t crc) try {
  if (blob.size == 0) return crc;
  ValueReader value(db, blob.table, blob.row);
  for (uint64_t at = 0; at < blob.size;) {
    const std::string piece = value.read(at, std::min(kValuePiece, blob.size - at));
    if (piece.empty()) return ~crc;
    crc = crc32c(piece, crc);
    at += piece.size();
  }
  return crc;
} catch (const SqliteFailure& failure) {
  if (failure.primary() != SQLITE_ERROR) throw;
  return ~crc;  // there is no such row
}

Result<bool> ChunkWriter::step(SqliteStore& store) {
  if (!owner_) reserve(store);
  return in_file_ ? finish_file(store) : write_chunks(store);
}

void ChunkWriter::reserve(SqliteStore& store) {
  owner_ = store.begin_chunks();
  Query(store.db(), "INSERT INTO unowned VALUES (?, ?)", *owner_, body_.size()).run();
  store.counters().bytes += body_.size();
  if (body_.size() < store.body_file_min()) return;
  const std::string name = store.db().value_of("SELECT lower(hex(randomblob(16)))");
  Query(store.db(), "INSERT INTO body_files VALUES (?, ?, x'')", *owner_, name).run();
  in_file_ = store.body_files().write(name, owner_, body_);
}

// What the checksums are of is on the disk before they are.
Result<bool> ChunkWriter::finish_file(SqliteStore& store) {
  if (!in_file_->ended()) return false;
  const auto& checksums = in_file_->checksums();
  if (!checksums) {
    log_warn("store_call_failed", {{"store", store.path()}, {"reason", checksums.error().message}});
    return checksums.error();
  }
  store.renew_file_generation();
  Query(store.db(), "UPDATE body_files SET crcs = ? WHERE owner = ?", Blob{*checksums}, *owner_).run();
  return true;
}

Result<bool> ChunkWriter::write_chunks(SqliteStore& store) {
  const uint64_t until = std::min(body_.size(), written_ + kChunkStepBytes);
  while (written_ < until) {
    if (const Status written = write_chunk(store); !written) return written.error();
  }
  return written_ == body_.size();
}

Status ChunkWriter::write_chunk(SqliteStore& store) {
  const auto piece = read_content(body_, written_, kChunkBytes);
  if (!piece) return piece.error();
  const uint64_t n = written_ / kChunkBytes;
  Query(store.db(), "INSERT INTO chunks VALUES (?, ?, ?, ?)", *owner_, n, chunk_crc(*owner_, n, *piece), Blob{*piece})
      .run();
  store.use_disk(piece->size());
  written_ += piece->size();
  return Ok{};
}

int64_t ChunkWriter::own_chunks(SqliteStore& store) const {
  Query(store.db(), "DELETE FROM unowned WHERE owner = ?", *owner_).run();
  store.counters().subtract_bytes(body_.size());
  return *owner_;
}

void disown_chunks(SqliteStore& store, int64_t owner, uint64_t bytes) {
  Query(store.db(), "INSERT INTO unowned VALUES (?, ?)", owner, bytes).run();
  store.sweep_state().more = true;
}

namespace {

// True: there are none left.
bool delete_chunks(SqliteDb& db, int64_t owner) {
  Query(db, "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE owner = ? LIMIT ?)", owner, kDeletedMax)
      .run();
  return sqlite3_changes(db.handle()) < kDeletedMax;
}

}  // namespace

// Files are deleted beside the transactions: there is something to do for them once one is gone.
bool delete_unowned(SqliteStore& store) {
  Query unowned(store.db(), "SELECT owner, bytes, name FROM unowned LEFT JOIN body_files USING (owner) ORDER BY owner");
  bool deleted = false;
  while (unowned.step()) {
    const int64_t owner = unowned.integer(0);
    if (store.is_writing_chunks(owner)) continue;
    if (unowned.is_null(2)) {
      if (!delete_chunks(store.db(), owner)) return true;
    } else {
      const auto removal = store.body_files().remove(unowned.text(2));
      if (removal == BodyFiles::Removal::refused) break;
      if (removal == BodyFiles::Removal::under_way) continue;
      Query(store.db(), "DELETE FROM body_files WHERE owner = ?", owner).run();
    }
    Query(store.db(), "DELETE FROM unowned WHERE owner = ?", owner).run();
    store.counters().subtract_bytes(static_cast<uint64_t>(unowned.integer(1)));
    deleted = true;
  }
  return deleted;
}

uint32_t chunked_crc(int64_t owner, uint64_t size, uint32_t crc) {
  return crc32c(std::to_string(owner) + " " + std::to_string(size), crc);
}

namespace {

// Of the chunks that are in a file.
struct FileOfChunks {
  std::string name;
  std::string crcs;
  std::optional<uint32_t> crc_of(uint64_t n) const;
};

std::optional<uint32_t> FileOfChunks::crc_of(uint64_t n) const {
  if (crcs.size() < 4 * (n + 1)) return std::nullopt;
  uint32_t crc = 0;
  for (size_t i = 0; i < 4; ++i) crc |= uint32_t{static_cast<unsigned char>(crcs[4 * n + i])} << (8 * i);
  return crc;
}

// Nothing: they are in the table, or nowhere.
std::optional<FileOfChunks> file_of(SqliteDb& db, int64_t owner) {
  Query file(db, "SELECT name, crcs FROM body_files WHERE owner = ?", owner);
  if (!file.step()) return std::nullopt;
  return FileOfChunks{file.text(0), file.text(1)};
}

// not_found, or unavailable.
Error unreadable(const Error& why) {
  const ErrorCode code = why.code == ErrorCode::not_found ? ErrorCode::not_found : ErrorCode::unavailable;
  return {code, "the file of a body: " + why.message};
}

}  // namespace

Result<std::string> read_chunk(SqliteStore& store, const StoredBlob& blob, uint64_t n) {
  const uint64_t at = n * kChunkBytes;
  const uint64_t count = at < blob.size ? std::min(kChunkBytes, blob.size - at) : 0;
  if (count == 0) return std::string();
  if (blob.chunks == 0) return ValueReader(store.db(), blob.table, blob.row).read(at, count);
  std::optional<uint32_t> crc;
  std::string bytes;
  if (const auto file = file_of(store.db(), blob.chunks)) {
    auto read = store.body_files().read(file->name, at, count);
    if (!read) return unreadable(read.error());
    bytes = std::move(*read);
    crc = file->crc_of(n);
  } else {
    Query chunk(store.db(), "SELECT crc, bytes FROM chunks WHERE owner = ? AND n = ?", blob.chunks, n);
    if (chunk.step()) crc = static_cast<uint32_t>(chunk.integer(0)), bytes = chunk.text(1);
  }
  const bool whole = bytes.size() == count && crc == chunk_crc(blob.chunks, n, bytes);
  if (!whole) return Error{ErrorCode::io, "a chunk of a stored body is damaged or missing"};
  return bytes;
}

Status check_body_file(SqliteStore& store, int64_t chunks) {
  if (chunks == 0) return Ok{};
  const auto file = file_of(store.db(), chunks);
  if (!file) return Ok{};
  const Status readable = store.body_files().check_readable(file->name);
  return readable ? readable : Status(unreadable(readable.error()));
}

}  // namespace tidegate::jobs
