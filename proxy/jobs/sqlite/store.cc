#include "jobs/sqlite/store.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "jobs/sqlite/body_report.h"
#include "jobs/sqlite/db/schema.h"
#include "jobs/sqlite/disk/kept_wal.h"
#include "jobs/sqlite/disk/missing.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"
#include "net/clock.h"

namespace tidegate::jobs {

// ---- opening ----

SqliteStore::SqliteStore(const SqliteOptions& options, CommitMarkFile marks)
    : path_(options.path),
      limits_(options.limits),
      body_file_min_(options.body_file_min),
      db_(options.path, options.vfs, options.busy_wait),
      body_files_(options.path, options.vfs),
      marks_(std::move(marks)) {}

namespace {

constexpr const char* kFileGeneration = "body_files";  // a note

bool has_bytes(const std::string& path) {
  std::error_code none;
  return std::filesystem::file_size(path, none) > 0 && !none;
}

// One look: what cannot be looked at is neither.
bool is_missing_or_empty(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno == ENOENT;
  return S_ISREG(info.st_mode) && info.st_size == 0;
}

// What is opened then is a new store, of which nothing was promised. The log goes last: until then the next opening
// finds it again.
Status set_orphaned_wal_aside(const std::string& path, CommitMarkFile& marks, SqliteFindings& findings) {
  const std::string wal = path + "-wal";
  if (!is_missing_or_empty(path) || !has_bytes(wal)) return Ok{};
  findings.report(path, missing_with_database(marks.last(), read_wal(wal)));
  if (marks.last()) {
    if (Status settled = marks.settle({}); !settled) return settled;
  }
  return move_orphaned_wal(wal);
}

// Without the numbers of what older formats do not have.
StoreCounts counts_of_any_format(SqliteDb& db) {
  StoreCounts counts;
  if (is_new(db)) return counts;
  Query by_status(db, "SELECT status, count(*) FROM jobs GROUP BY status");
  while (by_status.step()) counts.jobs[index(status_in(by_status, 0))] = static_cast<uint64_t>(by_status.integer(1));
  Query newest(db, "SELECT 1 + coalesce(max(seq), 0) FROM jobs");
  if (newest.step()) counts.next_seq = newest.integer(0);
  return counts;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const SqliteOptions& options, bool after_crash,
                                                       SqliteFindings& findings) {
  const std::string& path = options.path;
  auto marks = CommitMarkFile::open(path);
  if (!marks) return marks.error();
  if (const Status aside = set_orphaned_wal_aside(path, *marks, findings); !aside) return aside.error();
  const WalContent log = read_wal(path + "-wal");
  const bool damaged_log = !damage_of_log(marks->last(), log).empty();
  if (damaged_log && !std::exchange(findings.log_kept, true)) copy_damaged_wal(path + "-wal");
  try {
    std::unique_ptr<SqliteStore> store(new SqliteStore(options, std::move(*marks)));
    const bool suspect = findings.suspect || damaged_log;
    if (const Status checked = check_sqlite_file(store->db_, path, suspect); !checked) return checked.error();
    // What is missing is reported before each change that could hide it from the next opening: tables, mark, commits.
    if (!is_up_to_date(store->db_)) {
      findings.report(path, find_missing(store->marks_.last(), log, counts_of_any_format(store->db_)));
      bring_up_to_date(store->db_);
    }
    store->count();
    if (::stat(path.c_str(), &store->file_) != 0) throw SqliteFailure(nullptr, SQLITE_IOERR, "stat " + path);
    store->refresh_free_disk();
    store->notes_ = read_notes(*store);
    const bool moved = store->move_wal();
    store->compare_with_mark(log, findings);
    if (moved) static_cast<void>(store->drop_wal());
    if (after_crash) store->recover();
    store->warn_of_short_disk();
    report_body_files(*store, findings);
    return store;
  } catch (const SqliteFailure& failure) {
    if (failure.primary() == SQLITE_NOTADB) return Error{ErrorCode::invalid, path + ": not an SQLite file"};
    // SQLITE_ERROR: a table or column is not there, or there twice.
    const bool not_as_made = failure.damaged() || failure.primary() == SQLITE_ERROR;
    return not_as_made ? Error{ErrorCode::invalid, path + ": damaged: " + failure.what()} : failure.to_error();
  }
}

// `log`: as it was before SQLite has recovered it. Where something is missing, or nothing is known, a commit that has
// given a file to a job may be lost.
void SqliteStore::compare_with_mark(const WalContent& log, SqliteFindings& findings) {
  const auto& mark = marks_.last();
  const MissingWork missing = find_missing(mark, log, counts());
  const bool known = mark && mark->counts.file_generation == counters_.file_generation;
  const bool trusted = known && missing.reason.empty() && !findings.suspect && !findings.log_kept;
  findings.report(path_, missing);
  marks_.count_from(log.commits);
  if (repair_body_rows(*this, trusted)) count();
}

// What the WAL holds from before goes into the file, so that nothing new is built on frames whose sync had failed.
// True: the file has all of it.
bool SqliteStore::move_wal() {
  return db_.checkpoint(SQLITE_CHECKPOINT_FULL).all_moved();  // else another connection reads it
}

// REQUIRES move_wal() to have moved all. The WAL goes only when the mark says that it is not needed: between the two a
// kill leaves both right. True: it is not needed.
bool SqliteStore::drop_wal() {
  if (const Status settled = marks_.settle(counts()); !settled) {
    log_warn("commit_mark_failed", {{"reason", settled.error().message}});
    return false;
  }
  static_cast<void>(db_.checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
  return true;
}

void SqliteStore::finish() {
  if (move_wal() && drop_wal()) db_.take_wal_at_close();
}

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
  counters_.depth[index(JobStatus::queued)] += std::exchange(counters_.depth[index(JobStatus::running)], 0);
  commit();
}

void SqliteStore::count() {
  counters_ = {};
  Query by_status(db_,
                  "SELECT status, count(*), sum(CASE WHEN status IN (3, 5, 6) THEN 0 ELSE body_size END)"
                  " + sum(max(result_size, 0)) FROM jobs GROUP BY status");
  while (by_status.step()) {
    counters_.depth[index(status_in(by_status, 0))] = static_cast<uint64_t>(by_status.integer(1));
    counters_.bytes += static_cast<uint64_t>(by_status.integer(2));
  }
  const std::string generation = read_notes(*this)[kFileGeneration];
  counters_.file_generation = static_cast<uint32_t>(std::strtoul(generation.c_str(), nullptr, 10));
  // It was at least so late when the store was last written to.
  Query newest(db_, "SELECT max(created_at) FROM jobs WHERE status <= 2");
  if (newest.step() && !newest.is_null(0)) counters_.latest_now = wall(newest.integer(0));
  Query unowned(db_, "SELECT coalesce(sum(bytes), 0), count(*) FROM unowned");
  unowned.step();
  counters_.bytes += static_cast<uint64_t>(unowned.integer(0));
  sweep_state_.more = unowned.integer(1) > 0;
  Query last(db_,
             "SELECT 1 + max((SELECT coalesce(max(seq), 0) FROM jobs), (SELECT coalesce(max(owner), 0) FROM chunks),"
             " (SELECT coalesce(max(owner), 0) FROM unowned), (SELECT coalesce(max(owner), 0) FROM body_files))");
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

void SqliteStore::commit() {
  Query(db_, "COMMIT").run();
  if (const auto log = wal_position(db_.handle())) marks_.note(*log, counts());
  body_files_.committed();
}

void SqliteStore::rollback() {
  if (in_transaction()) static_cast<void>(sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr));
  counters_ = before_group_;
  body_files_.rolled_back();
}

void SqliteStore::begin_change() {
  Query(db_, "SAVEPOINT change").run();
  before_change_ = counters_;
  body_files_.begin_change();
}

void SqliteStore::keep_change() { Query(db_, "RELEASE change").run(); }

void SqliteStore::undo_change() {
  db_.exec("ROLLBACK TO change; RELEASE change");
  counters_ = before_change_;
  body_files_.undo_change();
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
  if (::statvfs(folder.c_str(), &disk) != 0) throw SqliteFailure(nullptr, SQLITE_IOERR, "statvfs " + folder);
  free_disk_ = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

void SqliteStore::warn_of_short_disk() const {
  const uint64_t min_free = limits().min_free_disk;
  if (free_disk_ >= min_free) return;
  log_warn("disk_nearly_full", {{"store", path_}, {"free_bytes", free_disk_}, {"min_free_disk_bytes", min_free}});
}

void SqliteStore::renew_file_generation() {
  const std::string next = db_.value_of("SELECT 1 + (random() & 2147483647)");
  static_cast<void>(set_note(*this, kFileGeneration, next));
  counters_.file_generation = static_cast<uint32_t>(std::stoul(next));
}

void SqliteStore::use_disk(uint64_t size) { free_disk_ -= std::min(free_disk_, size); }

Status SqliteStore::check_limits(uint64_t size) const {
  if (Status jobs = check_job_limit(); !jobs) return jobs;
  const QueueLimits limits = limits_.get();
  if (counters_.bytes + size > limits.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (free_disk_ < limits.min_free_disk + body_files_.unwritten_bytes() + size) {
    return Error{ErrorCode::exhausted, "min_free_disk reached: of " + std::to_string(free_disk_ >> 20) +
                                           " MiB free for " + path_ + ", " +
                                           std::to_string(limits.min_free_disk >> 20) + " MiB must stay free"};
  }
  return Ok{};
}

Status SqliteStore::check_job_limit() const {
  if (counters_.open_jobs() < limits_.get().max_jobs) return Ok{};
  return Error{ErrorCode::exhausted, "max_jobs reached"};
}

QueueView SqliteStore::view() {
  QueueView view;
  std::copy_n(counters_.depth.begin(), view.depth.size(), view.depth.begin());
  view.bytes = counters_.bytes;
  view.expired_total = counters_.expired;
  view.damaged_total = counters_.damaged;
  if (const Status room = check_limits(0); !room) view.full = room.error().message;
  Query oldest(db_, "SELECT min(created_at) FROM jobs WHERE status <= 2");
  if (oldest.step() && !oldest.is_null(0)) view.oldest_created_at = wall(oldest.integer(0));
  Query next(db_, "SELECT due_at FROM jobs WHERE status <= 2 ORDER BY due_at LIMIT 1");
  if (next.step()) view.next_due_at = wall(next.integer(0));
  return view;
}

}  // namespace tidegate::jobs
