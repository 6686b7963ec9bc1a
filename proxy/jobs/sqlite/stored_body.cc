#include "jobs/sqlite/stored_body.h"

#include <algorithm>

#include "base/crc32c.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kValuePiece = 1 << 20;
constexpr int kDeletedMax = 8;  // chunks, in one sweep

uint32_t chunk_crc(int64_t owner, uint64_t n, std::string_view bytes) {
  return crc32c(bytes, crc32c(std::to_string(owner) + " " + std::to_string(n)));
}

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

Result<std::string> read_content(const BodyContent& body, uint64_t offset, uint64_t count) {
  const auto wanted = static_cast<size_t>(std::min(count, body.size() - offset));
  if (!body.file) return body.memory.substr(static_cast<size_t>(offset), wanted);
  auto piece = body.file->read_at(offset, wanted);
  if (piece && piece->size() < wanted) return Error{ErrorCode::io, "a kept body is shorter than it was"};
  return piece;
}

Result<bool> ChunkWriter::step(SqliteStore& store) {
  if (!owner_) {
    owner_ = store.begin_chunks();
    Query(store.db(), "INSERT INTO unowned VALUES (?, ?)", *owner_, body_.size()).run();
    store.counters().bytes += body_.size();
  }
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

bool delete_unowned(SqliteStore& store) {
  Query unowned(store.db(), "SELECT owner, bytes FROM unowned ORDER BY owner");
  bool found = false;
  while (!found && unowned.step()) found = !store.is_writing_chunks(unowned.integer(0));
  if (!found) return false;
  const int64_t owner = unowned.integer(0);
  const auto bytes = static_cast<uint64_t>(unowned.integer(1));
  Query(store.db(), "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE owner = ? LIMIT ?)", owner,
        kDeletedMax)
      .run();
  if (sqlite3_changes(store.db().handle()) == kDeletedMax) return true;
  Query(store.db(), "DELETE FROM unowned WHERE owner = ?", owner).run();
  store.counters().subtract_bytes(bytes);
  return true;
}

uint32_t chunked_crc(int64_t owner, uint64_t size, uint32_t crc) {
  return crc32c(std::to_string(owner) + " " + std::to_string(size), crc);
}

Result<std::string> read_chunk(SqliteDb& db, const StoredBlob& blob, uint64_t n) {
  const uint64_t at = n * kChunkBytes;
  const uint64_t count = at < blob.size ? std::min(kChunkBytes, blob.size - at) : 0;
  if (count == 0) return std::string();
  if (blob.chunks == 0) return ValueReader(db, blob.table, blob.row).read(at, count);
  Query chunk(db, "SELECT crc, bytes FROM chunks WHERE owner = ? AND n = ?", blob.chunks, n);
  const Error damaged{ErrorCode::io, "a chunk of a stored body is damaged or missing"};
  if (!chunk.step()) return damaged;
  std::string bytes = chunk.text(1);
  const bool whole =
      bytes.size() == count && chunk_crc(blob.chunks, n, bytes) == static_cast<uint32_t>(chunk.integer(0));
  if (!whole) return damaged;
  return bytes;
}

}  // namespace tidegate::jobs
