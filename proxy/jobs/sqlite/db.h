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

class SqliteDb {
 public:
  static constexpr Duration kBusyWait = std::chrono::seconds(5);

  SqliteDb(const std::string& path, const std::string& vfs);
  ~SqliteDb();
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;

  sqlite3* handle() const { return db_; }
  // How long a lock of another connection is waited for: somebody looks with a shell, or makes a backup.
  void set_busy_wait(Duration wait);
  void exec(const char* sql);
  // The one value of a one-row query ("PRAGMA synchronous").
  std::string value_of(const char* sql);
  // `mode`: SQLITE_CHECKPOINT_PASSIVE and the others. Outside transactions.
  WalState checkpoint(int mode);

  // Pieces of a stored blob, without loading the whole.
  std::string read_blob(const char* table, int64_t row, uint64_t offset, size_t count);
  void write_blob(const char* table, int64_t row, uint64_t offset, std::string_view bytes);

 private:
  friend class Query;
  sqlite3_stmt* statement(const char* sql);  // prepared once; `sql` must be a literal

  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

struct Blob {
  std::string_view bytes;
};
struct ZeroBlob {
  uint64_t size;
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
  void bind(int index, const ZeroBlob& value) { check(sqlite3_bind_zeroblob64(statement_, index, value.size)); }
  void check(int result) const;

  sqlite3* db_;
  sqlite3_stmt* statement_;
};

}  // namespace tidegate::jobs
