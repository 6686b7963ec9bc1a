// Bodies and results as blobs of a table: written and read in pieces, so that none is in memory as a whole.
#pragma once

#include <cstdint>

#include "jobs/job.h"
#include "jobs/sqlite/db.h"

namespace tidegate::jobs {

inline constexpr uint64_t kSqliteBodyMax = 900'000'000;  // SQLite's own bound on a value is 1,000,000,000 bytes

// Where a stored body is.
struct StoredBlob {
  const char* table = "bodies";
  int64_t row = 0;
  uint64_t size = 0;
};

// Fills the row that the caller has inserted: a body in memory with the whole of it, one in a file with a ZeroBlob.
// Returns `crc` continued over the body. Throws where the file cannot be read.
uint32_t write_blob(SqliteDb& db, const char* table, int64_t row, const BodyContent& body, uint32_t crc);
// `crc` continued over what is stored; a blob that is shorter than its size matches no checksum.
uint32_t blob_crc(SqliteDb& db, const StoredBlob& blob, uint32_t crc);

}  // namespace tidegate::jobs
