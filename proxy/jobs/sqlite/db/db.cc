#include "jobs/sqlite/db/db.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace tidegate::jobs {

SqliteFailure::SqliteFailure(sqlite3* db, int result, std::string_view what)
    : std::runtime_error(std::string(what) + ": " + (db ? sqlite3_errmsg(db) : sqlite3_errstr(result))),
      code_(db ? sqlite3_extended_errcode(db) : result) {
  if ((code_ & 0xff) == SQLITE_OK) code_ = result;
}

bool SqliteFailure::handle_is_lost() const {
  switch (primary()) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL: return true;
    default: return false;
  }
}

Error SqliteFailure::to_error() const {
  if (damaged()) return {ErrorCode::io, std::string("store_damaged: ") + what()};
  if (disk_full()) return {ErrorCode::exhausted, std::string("disk_full: ") + what()};
  if (locked()) return {ErrorCode::unavailable, std::string("another process has locked the job file: ") + what()};
  return {handle_is_lost() ? ErrorCode::io : ErrorCode::unavailable, what()};
}

SqliteDb::SqliteDb(const std::string& path, const std::string& vfs, Duration busy_wait) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &db_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (result == SQLITE_OK) {
    set_busy_wait(busy_wait);
    set_wal_taken_at_close(false);
    return;
  }
  const int why = db_ ? sqlite3_system_errno(db_) : 0;
  const SqliteFailure failure(db_, result, "open " + path + (why ? std::string(" (") + std::strerror(why) + ")" : ""));
  static_cast<void>(sqlite3_close(db_));
  throw failure;
}

void SqliteDb::take_wal_at_close() { set_wal_taken_at_close(true); }

void SqliteDb::set_wal_taken_at_close(bool taken) {
  TG_ASSERT(sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, taken ? 0 : 1, nullptr) == SQLITE_OK);
}

// A statement's finalizing repeats the error of its last step, which was thrown then.
SqliteDb::~SqliteDb() {
  for (auto& [sql, statement] : statements_) static_cast<void>(sqlite3_finalize(statement));
  TG_ASSERT(sqlite3_close(db_) == SQLITE_OK);  // nothing of it is open any more
}

void SqliteDb::set_busy_wait(Duration wait) {
  const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  TG_ASSERT(sqlite3_busy_timeout(db_, static_cast<int>(wait_ms)) == SQLITE_OK);
}

sqlite3_stmt* SqliteDb::statement(const char* sql) {
  sqlite3_stmt*& known = statements_[sql];
  if (known) return known;
  const int result = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &known, nullptr);
  if (result != SQLITE_OK) throw SqliteFailure(db_, result, "prepare");
  return known;
}

void SqliteDb::exec(const char* sql) {
  const int result = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw SqliteFailure(db_, result, std::string(sql).substr(0, 40));
}

std::string SqliteDb::value_of(const char* sql) {
  Query query(*this, sql);
  return query.step() ? query.text(0) : "";
}

WalState SqliteDb::checkpoint(int mode) {
  // A connection that has read nothing has no WAL: its checkpoint would move nothing, and only the counts would say so.
  value_of("PRAGMA user_version");
  WalState wal;
  const int result = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, &wal.frames, &wal.moved);
  wal.busy = (result & 0xff) == SQLITE_BUSY;
  if (result != SQLITE_OK && !wal.busy) throw SqliteFailure(db_, result, "checkpoint");
  if (!wal.busy && wal.frames < 0) throw SqliteFailure(nullptr, SQLITE_MISUSE, "checkpoint: the connection has no WAL");
  return wal;
}

ValueReader::ValueReader(SqliteDb& db, const char* table, int64_t row) : db_(db.handle()) {
  const int result = sqlite3_blob_open(db_, "main", table, "bytes", row, 0, &blob_);
  if (result != SQLITE_OK) throw SqliteFailure(db_, result, "open of a stored body");
}

// Repeats the error of its last read, which was thrown then.
ValueReader::~ValueReader() { static_cast<void>(sqlite3_blob_close(blob_)); }

std::string ValueReader::read(uint64_t offset, uint64_t count) {
  const auto size = static_cast<uint64_t>(sqlite3_blob_bytes(blob_));
  std::string bytes(static_cast<size_t>(std::min(count, size - std::min(size, offset))), '\0');
  if (bytes.empty()) return bytes;
  const int result = sqlite3_blob_read(blob_, bytes.data(), static_cast<int>(bytes.size()), static_cast<int>(offset));
  if (result != SQLITE_OK) throw SqliteFailure(db_, result, "a stored body");
  return bytes;
}

// A reset repeats the error of the last step, which was thrown then.
Query::~Query() {
  static_cast<void>(sqlite3_reset(statement_));
  static_cast<void>(sqlite3_clear_bindings(statement_));
}

bool Query::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) throw SqliteFailure(db_, result, "the job store");
  return false;
}

std::string Query::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string();
}

void Query::bind(int index, const std::string& value) {
  check(sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind(int index, const Blob& value) {
  check(sqlite3_bind_blob64(statement_, index, value.bytes.data() ? value.bytes.data() : "", value.bytes.size(),
                            SQLITE_STATIC));
}

void Query::check(int result) const {
  if (result != SQLITE_OK) throw SqliteFailure(db_, result, "bind");
}

}  // namespace tidegate::jobs
