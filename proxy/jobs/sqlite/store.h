// The open store: the database file, its transactions, and the counters beside its tables. What each call of the queue
// does to it is in operations.h.
//
//   begin ──▶ begin_change ──▶ (an operation) ──▶ keep_change or undo_change ──▶ … ──▶ commit or rollback
//
// Synchronous and single-threaded: the store's thread runs calls in groups (thread.h). SqliteFailure is thrown,
// expected refusals are returned.
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>

#include "jobs/job_queue.h"
#include "jobs/sqlite/db/counters.h"
#include "jobs/sqlite/db/db.h"
#include "jobs/sqlite/disk/body_files.h"
#include "jobs/sqlite/disk/commit_mark.h"
#include "jobs/sqlite/disk/findings.h"
#include "jobs/sqlite/disk/wal.h"
#include "jobs/sqlite/queue.h"

namespace tidegate::jobs {

// When housekeeping has run, and whether it has left something.
struct SweepState {
  WallTime swept_at{};
  bool done_in_group = false;
  bool more = false;
};

class SqliteStore {
 public:
  // `after_crash`: no other run is alive, so jobs that were running are queued again. `findings`: of the openings so
  // far; this one adds to them. Errors: invalid (the file is damaged, or not ours), and those of a disk that fails.
  static Result<std::unique_ptr<SqliteStore>> open(const SqliteOptions& options, bool after_crash,
                                                   SqliteFindings& findings);

  // The store's end in order: moves the WAL into the file, so that closing it leaves one file. Throws.
  void finish();

  void begin();
  void commit();
  void rollback();  // never throws: a lost transaction is rolled back already
  // Each change of a group has a savepoint of its own.
  void begin_change();
  void keep_change();
  void undo_change();
  bool in_transaction() const;
  // A change that means nothing: that its commit succeeds proves that the disk writes again.
  void touch();

  void refresh_free_disk();
  // Throws where the path no longer leads to the open file: what is written to it would be found by nobody.
  void check_file();

  QueueView view();
  // As the opening has found them.
  const std::map<std::string, std::string>& notes() const { return notes_; }

  // For the operations.
  SqliteDb& db() { return db_; }
  const std::string& path() const { return path_; }
  QueueLimits limits() const { return limits_.get(); }
  BodyFiles& body_files() { return body_files_; }
  uint64_t body_file_min() const { return body_file_min_; }
  SqliteCounters& counters() { return counters_; }
  SweepState& sweep_state() { return sweep_state_; }
  int64_t next_seq() { return next_seq_++; }
  // A number for chunks that are to be written (stored_body.h). While it exists, is_writing_chunks(number).
  std::shared_ptr<const int64_t> begin_chunks();
  bool is_writing_chunks(int64_t owner) const;
  // A file becomes a job's.
  void renew_file_generation();
  // By the owner of their chunks, how often files could not be read.
  std::map<int64_t, int>& unreadable() { return unreadable_; }
  // Whether there is room for a job of this size. Error: exhausted.
  Status check_limits(uint64_t size) const;
  // The same for one whose bytes are reserved.
  Status check_job_limit() const;
  void use_disk(uint64_t size);

 private:
  SqliteStore(const SqliteOptions& options, CommitMarkFile marks);
  void compare_with_mark(const WalContent& log, SqliteFindings& findings);
  bool move_wal();
  bool drop_wal();
  StoreCounts counts() const { return {next_seq_, counters_.depth, counters_.file_generation}; }
  void recover();
  void count();
  void warn_of_short_disk() const;  // at the start: until then nobody is refused, and nobody knows

  const std::string path_;
  const SharedLimits limits_;
  const uint64_t body_file_min_;
  SqliteDb db_;
  BodyFiles body_files_;
  SqliteCounters counters_;
  SqliteCounters before_group_, before_change_;
  SweepState sweep_state_;
  CommitMarkFile marks_;
  std::map<std::string, std::string> notes_;
  int64_t next_seq_ = 1;  // above every number of a job and of chunks that the tables have
  std::map<int64_t, std::weak_ptr<const int64_t>> chunk_writers_;
  std::map<int64_t, int> unreadable_;
  uint64_t free_disk_ = ~uint64_t{0};
  struct stat file_ {};
};

}  // namespace tidegate::jobs
