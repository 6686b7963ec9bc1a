#include "jobs/sqlite/store.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>

#include "jobs/sqlite/rows.h"
#include "jobs/sqlite/schema.h"
#include "net/clock.h"

namespace tidegate::jobs {

// ---- counters ----

uint64_t SqliteCounters::open_jobs() const {
  return depth[index(JobStatus::queued)] + depth[index(JobStatus::running)] + depth[index(JobStatus::retrying)] +
         depth[index(JobStatus::accepting)];
}

void SqliteCounters::add(JobStatus status, uint64_t size) {
  ++depth[index(status)];
  bytes += size;
}

void SqliteCounters::move(JobStatus from, JobStatus to) {
  --depth[index(from)];
  ++depth[index(to)];
}

void SqliteCounters::subtract_bytes(uint64_t size) { bytes -= std::min(bytes, size); }

// ---- opening ----

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

// What the WAL holds from before goes into the file, so that nothing new is built on frames whose sync had failed.
// Where another connection reads it, it stays.
void SqliteStore::fold_wal() { static_cast<void>(db_.checkpoint(SQLITE_CHECKPOINT_TRUNCATE)); }

void SqliteStore::recover() {
  begin();
  const int64_t now = ns(net::read_wall_clock());
  Query(db_,
        "INSERT INTO attempts (owner, at, took, error) SELECT seq, ?, 0, 'process_ended' FROM jobs WHERE status = 1",
        now)
      .run();
  Query(db_,
        "UPDATE jobs SET status = 0, due_at = created_at, last_error = 'process_ended', attempted_at = ?,"
        " lost = lost + 1 WHERE status = 1",
        now)
      .run();
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
  // It was at least so late when the store was last written to.
  Query newest(db_, "SELECT max(created_at) FROM jobs WHERE status <= 2");
  if (newest.step() && !newest.is_null(0)) counters_.latest_now = wall(newest.integer(0));
  Query unowned(db_, "SELECT coalesce(sum(bytes), 0), count(*) FROM unowned");
  unowned.step();
  counters_.bytes += static_cast<uint64_t>(unowned.integer(0));
  sweep_state_.more = unowned.integer(1) > 0;
  Query last(db_,
             "SELECT 1 + max((SELECT coalesce(max(seq), 0) FROM jobs), (SELECT coalesce(max(owner), 0) FROM chunks),"
             " (SELECT coalesce(max(owner), 0) FROM unowned))");
  last.step();
  next_seq_ = last.integer(0);
}

// ---- transactions ----

// IMMEDIATE: only the lock of a transaction that begins with it is waited for (set_busy_wait). One that becomes a
// writer by its first change is refused at once while another connection writes.
void SqliteStore::begin() {
  before_group_ = counters_;  // what rollback() returns to, also after a BEGIN that fails
  Query(db_, "BEGIN IMMEDIATE").run();
  sweep_state_.done_in_group = false;
}

void SqliteStore::commit() { Query(db_, "COMMIT").run(); }

void SqliteStore::rollback() {
  if (in_transaction()) static_cast<void>(sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr));
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

// ---- chunks ----

std::shared_ptr<const int64_t> SqliteStore::begin_chunks() {
  std::erase_if(chunk_writers_, [](const auto& writer) { return writer.second.expired(); });
  const auto owner = std::make_shared<const int64_t>(next_seq());
  chunk_writers_[*owner] = owner;
  return owner;
}

bool SqliteStore::is_writing_chunks(int64_t owner) const {
  const auto writer = chunk_writers_.find(owner);
  return writer != chunk_writers_.end() && !writer->second.expired();
}

// ---- the disk, and what may still be stored ----

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

void SqliteStore::use_disk(uint64_t size) { free_disk_ -= std::min(free_disk_, size); }

Status SqliteStore::check_limits(uint64_t size) const {
  if (counters_.open_jobs() >= limits_.max_jobs) return Error{ErrorCode::exhausted, "max_jobs reached"};
  if (counters_.bytes + size > limits_.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (free_disk_ < limits_.min_free_disk + size) return Error{ErrorCode::exhausted, "the disk is nearly full"};
  return Ok{};
}

QueueView SqliteStore::view() {
  QueueView view;
  std::copy_n(counters_.depth.begin(), view.depth.size(), view.depth.begin());
  view.bytes = counters_.bytes;
  view.expired_total = counters_.expired;
  view.damaged_total = counters_.damaged;
  Query oldest(db_, "SELECT min(created_at) FROM jobs WHERE status <= 2");
  if (oldest.step() && !oldest.is_null(0)) view.oldest_created_at = wall(oldest.integer(0));
  Query next(db_, "SELECT due_at FROM jobs WHERE status <= 2 ORDER BY due_at LIMIT 1");
  if (next.step()) view.next_due_at = wall(next.integer(0));
  return view;
}

}  // namespace tidegate::jobs
