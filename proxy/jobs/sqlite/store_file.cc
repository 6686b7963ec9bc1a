// The store as a file: opening and recovering it, its transactions, and the disk it lies on.
#include <sys/statvfs.h>

#include <filesystem>

#include "jobs/sqlite/row.h"
#include "jobs/sqlite/schema.h"
#include "jobs/sqlite/store.h"
#include "net/clock.h"

namespace tidegate::jobs {

SqliteStore::SqliteStore(const std::string& path, const std::string& vfs, const QueueLimits& limits)
    : path_(path), limits_(limits), db_(path, vfs) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, const std::string& vfs,
                                                       const QueueLimits& limits, bool after_crash) {
  try {
    std::unique_ptr<SqliteStore> store(new SqliteStore(path, vfs, limits));
    if (const Status prepared = prepare_sqlite_file(store->db_, path); !prepared) return prepared.error();
    store->fold_wal();
    if (after_crash) store->recover();
    store->count();
    if (::stat(path.c_str(), &store->file_) != 0) throw SqliteFailure(nullptr, SQLITE_IOERR, "stat " + path);
    store->refresh_free_disk();
    return store;
  } catch (const SqliteFailure& failure) {
    if (failure.primary() == SQLITE_NOTADB) return Error{ErrorCode::invalid, path + ": not an SQLite file"};
    return failure.to_error();
  }
}

// What stands in the WAL from before goes into the file, so that nothing new is built on frames whose sync had failed.
void SqliteStore::fold_wal() {
  const int result = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  const bool read_by_another = (result & 0xff) == SQLITE_BUSY;
  if (result != SQLITE_OK && !read_by_another) throw SqliteFailure(db_.handle(), result, "checkpoint");
}

void SqliteStore::recover() {
  begin();
  Query(db_, "INSERT INTO attempts SELECT seq, ?, 0, 'process_ended' FROM jobs WHERE status = 1",
        ns(net::read_wall_clock()))
      .run();
  Query(db_, "UPDATE jobs SET status = 0, due_at = created_at, last_error = 'process_ended' WHERE status = 1").run();
  commit();
}

void SqliteStore::count() {
  counters_ = {};
  Query by_status(db_,
                  "SELECT status, count(*), sum(CASE WHEN status IN (3, 5, 6) THEN 0 ELSE body_size END)"
                  " + sum(max(result_size, 0)) FROM jobs GROUP BY status");
  while (by_status.step()) {
    counters_.depth.at(static_cast<size_t>(by_status.integer(0))) = static_cast<uint64_t>(by_status.integer(1));
    counters_.bytes += static_cast<uint64_t>(by_status.integer(2));
  }
  // The time stood at least there when the store was written to last.
  Query newest(db_, "SELECT max(created_at) FROM jobs WHERE status <= 2");
  if (newest.step() && !newest.is_null(0)) counters_.latest_now = wall(newest.integer(0));
  Query last(db_, "SELECT coalesce(max(seq), 0) + 1 FROM jobs");
  last.step();
  next_seq_ = last.integer(0);
}

void SqliteStore::begin() {
  Query(db_, "BEGIN").run();
  before_group_ = counters_;
  swept_in_group_ = false;
}
void SqliteStore::commit() { Query(db_, "COMMIT").run(); }
void SqliteStore::rollback() {
  if (in_transaction()) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  counters_ = before_group_;
}
void SqliteStore::begin_change() {
  Query(db_, "SAVEPOINT change").run();
  before_change_ = counters_;
}
void SqliteStore::keep_change() { Query(db_, "RELEASE change").run(); }
void SqliteStore::undo_change() {
  db_.exec("ROLLBACK TO change; RELEASE change");
  counters_ = before_change_;
}
void SqliteStore::touch() { db_.exec(("PRAGMA user_version=" + std::to_string(kSqliteFormat)).c_str()); }
bool SqliteStore::in_transaction() const { return sqlite3_get_autocommit(db_.handle()) == 0; }

void SqliteStore::check_file() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) == 0 && now.st_ino == file_.st_ino && now.st_dev == file_.st_dev) return;
  throw SqliteFailure(nullptr, SQLITE_IOERR, path_ + " has been removed or replaced");
}

void SqliteStore::refresh_free_disk() {
  struct statvfs disk {};
  std::string folder = std::filesystem::path(path_).parent_path().string();
  if (folder.empty()) folder = ".";
  if (::statvfs(folder.c_str(), &disk) == 0) free_disk_ = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

}  // namespace tidegate::jobs
