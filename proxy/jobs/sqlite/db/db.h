// SQLite in few words: a connection with its prepared statements, and a query that binds, steps and cleans up after
// itself. Failures are thrown as SqliteFailure and caught in one place, the store's thread (thread.cc).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"

namespace tidegate::jobs {

class SqliteFailure : public std::runtime_error {
 public:
  SqliteFailure(sqlite3* db, int result, std::string_view what);
  int primary() const { return code_ & 0xff; }
  bool disk_full() const { return primary() == SQLITE_FULL; }
  bool locked() const { return primary() == SQLITE_BUSY; }  // by another connection, for longer than the busy wait
  // What is in the file is wrong; reading it again will not help.
  bool damaged() const { return primary() == SQLITE_CORRUPT || primary() == SQLITE_NOTADB; }
  // The handle cannot be trusted any more: close it, open it again, look what is there.
  bool handle_is_lost() const;
  Error to_error() const;

 private:
  int code_;  // extended
};

// The WAL after a checkpoint.
struct WalState {
  bool busy = false;  // another connection makes a checkpoint, or would have had to be waited for too long
  int frames = 0;
  int moved = 0;  // of them, those that the database file has
  bool all_moved() const { return !busy && moved == frames; }
};

// Closing it leaves the WAL as it is: what it holds may be evidence.
class SqliteDb {
 public:
  static constexpr Duration kBusyWait = std::chrono::seconds(5);

  SqliteDb(const std::string& path, const std::string& vfs, Duration busy_wait = kBusyWait);
  ~SqliteDb();
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;

  sqlite3* handle() const { return db_; }
  // How long a lock of another connection is waited for: somebody looks with a shell, or makes a backup.
  void set_busy_wait(Duration wait);
  // Closing it moves the WAL into the file and deletes it, where no other connection is open.
  void take_wal_at_close();
  void exec(const char* sql);
  // The one value of a one-row query ("PRAGMA synchronous").
  std::string value_of(const char* sql);
  // `mode`: SQLITE_CHECKPOINT_PASSIVE and the others. Outside transactions.
  WalState checkpoint(int mode);

 private:
  friend class Query;
  void set_wal_taken_at_close(bool taken);
  sqlite3_stmt* statement(const char* sql);  // prepared once; `sql` must be a literal

  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

// Reads pieces of the value `bytes` of a row, without loading the whole. The first piece has to find its way from the
// value's beginning to its offset; those after it do not, so a value is best read by one reader.
class ValueReader {
 public:
  ValueReader(SqliteDb& db, const char* table, int64_t row);
  ~ValueReader();
  ValueReader(const ValueReader&) = delete;
  ValueReader& operator=(const ValueReader&) = delete;

  // Fewer bytes only at the end.
  std::string read(uint64_t offset, uint64_t count);

 private:
  sqlite3* db_;
  sqlite3_blob* blob_ = nullptr;
};

struct Blob {
  std::string_view bytes;
};

// One run of a statement.
class Query {
 public:
  template <typename... Args>
  Query(SqliteDb& db, const char* sql, const Args&... args) : db_(db.handle()), statement_(db.statement(sql)) {
    int index = 0;
    (bind(++index, args), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool step();  // true: a row
  void run() {
    while (step()) {
    }
  }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const;
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  void bind(int index, int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }
  void bind(int index, int value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, uint64_t value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, uint32_t value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, std::nullptr_t) { check(sqlite3_bind_null(statement_, index)); }
  void bind(int index, const std::string& value);  // copied
  void bind(int index, const char* value) = delete;
  void bind(int index, const Blob& value);  // not copied: outlives the query
  void check(int result) const;

  sqlite3* db_;
  sqlite3_stmt* statement_;
};

}  // namespace tidegate::jobs
