// The job queue on SQLite: WAL, synchronous=FULL (read back), one thread of its own, group commit.
//
//   loops ──calls──▶ [bounded queue] ──▶ store's thread: a group of changes, one commit, then the results
//                                            │ WAL has grown
//                                            ▼
//                                        checkpoint thread (never inside a commit)
//
// After an I/O error: the calls of the group end as `io`, the handle is closed, reopened and checked; meanwhile
// calls end as `unavailable`. Records of the failed group that turn up again are cancelled: nobody was promised
// them. After an error that tells of damage the file is read through before it is used again.
#pragma once

#include <memory>
#include <string>

#include "jobs/job_queue.h"
#include "jobs/shared_limits.h"
#include "jobs/sqlite/db/db.h"

namespace tidegate::jobs {

struct SqliteOptions {
  std::string path;
  SharedLimits limits = {};
  int batch_max = 64;                        // changes a commit
  Duration batch_wait = 2ms;                 // how long a commit waits for more changes, at most, while more come
  size_t pending_max = 4096;                 // calls waiting for the thread; more end as unavailable
  Duration reopen_every = 1s;                // after an I/O error
  Duration busy_wait = SqliteDb::kBusyWait;  // for another process's lock; then the group's calls end as unavailable.
                                             // Of all groups, once closing has begun
  // What is called a stall (disk/stall_watch.h). A healthy disk commits in milliseconds, and a request that is being
  // parked waits 2 s beyond its deadline for that: after this every new job is refused, and somebody should know why.
  Duration stall_after = 3s;
  // From here on a large body or result has a file of its own (stored_body.h). A file costs several syncs: smaller
  // bodies would gain nothing.
  uint64_t body_file_min = 4 << 20;
  std::string vfs = {};  // SQLite's file layer; "" = its default. Tests put a failing disk here.
  // How long each commit took; called on the store's thread.
  std::function<void(Duration)> on_commit = {};
  // A checkpoint could not be made, since another connection reads an old state; called on the store's thread.
  std::function<void()> on_checkpoint_blocked = {};
};

// What only the SQLite queue can: be a spool.
class SqliteSpool : public RecordStore {
 public:
  // Ends a claim by deleting the job: another store has it now. Errors: as for every end of a claim.
  [[nodiscard]] virtual OperationPtr remove(net::Runtime& home, const ClaimedJob& job, Callback<Ok> done) = 0;
};

// Opens or makes the file (and its folder), checks it (format, settings read back, jobs that were running are queued
// again). Blocking: at start, before loops run. Errors: conflict (another process has it). Where the disk is full,
// broken or read-only the queue opens unavailable, and is opened again and again; where the file is damaged or not ours
// (store_damaged), once it has been changed: a restart must turn neither into an outage. The queue's last calls must
// have completed or been dropped before the runtimes they came from end.
Result<std::unique_ptr<SqliteSpool>> open_sqlite_queue(const SqliteOptions& options);

}  // namespace tidegate::jobs
