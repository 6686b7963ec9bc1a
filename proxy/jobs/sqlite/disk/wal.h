// The write-ahead log beside a database, as it lies on the disk (https://www.sqlite.org/walformat.html), read before
// SQLite does: SQLite's recovery ends at the first frame that is not right, and says nothing of what follows.
//
//   header: 32 bytes   magic, format, page size, checkpoint number, salt 1, salt 2, checksum
//   frame:  24 bytes   page number, size of the database after a commit (else 0), salt 1, salt 2, checksum
//           a page     checksums run on from the header over every frame
//
// A log that begins anew, after a checkpoint, has salt 1 + 1 and a random salt 2: frames of before may lie behind its
// end, and do not count.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tidegate::jobs {

struct WalSalts {
  uint32_t first = 0, second = 0;
  friend bool operator==(const WalSalts&, const WalSalts&) = default;
  // This log was begun later than that one, by a checkpoint of which all was in the database.
  bool later_than(const WalSalts& other) const { return first - other.first - 1 < (1u << 31); }
};

// What is in the file. Without a file, or with a header that is not right: nothing.
struct WalContent {
  bool valid = false;  // the header is right
  WalSalts salts;
  uint32_t frames = 0;   // up to the last commit that can be read
  uint64_t commits = 0;  // among them
  // A commit behind the first wrong frame, and a further frame behind that. A transaction that a kill or a power
  // failure has cut off leaves wrong frames too, but only behind everything that was promised: the next one begins when
  // the one before is on the disk.
  bool broken_inside = false;
};

WalContent read_wal(const std::string& path);

// Where the log of an open database ends, after a commit of this connection; from the index that SQLite keeps in
// memory.
struct WalPosition {
  WalSalts salts;
  uint32_t frames = 0;
  uint32_t in_database = 0;  // of these, moved into the database by checkpoints
};

// Nothing where SQLite has no index of it.
std::optional<WalPosition> wal_position(sqlite3* db);

}  // namespace tidegate::jobs
