#include "jobs/sqlite/blob.h"

#include "base/crc32c.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPiece = 1 << 20;

}  // namespace

uint32_t write_blob(SqliteDb& db, const char* table, int64_t row, const BodyContent& body, uint32_t crc) {
  if (!body.file) return crc32c(body.memory, crc);
  for (uint64_t at = 0; at < body.size();) {
    const auto piece = body.file->read_at(at, kPiece);
    if (!piece || piece->empty()) throw SqliteFailure(nullptr, SQLITE_IOERR, "read of a spooled body");
    db.write_blob(table, row, at, *piece);
    crc = crc32c(*piece, crc);
    at += piece->size();
  }
  return crc;
}

uint32_t blob_crc(SqliteDb& db, const StoredBlob& blob, uint32_t crc) {
  for (uint64_t at = 0; at < blob.size;) {
    const std::string piece = db.read_blob(blob.table, blob.row, at, kPiece);
    if (piece.empty()) return ~crc;
    crc = crc32c(piece, crc);
    at += piece.size();
  }
  return crc;
}

}  // namespace tidegate::jobs
