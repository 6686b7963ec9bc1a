// Rows of the store's tables: how values are written in them, and the changes that several operations make. Included by
// the store's own sources alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "jobs/job.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

// Times are nanoseconds since the epoch.
inline int64_t ns(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime wall(int64_t nanoseconds) { return WallTime(Duration(nanoseconds)); }

// A status is its number in the enum.
inline int code(JobStatus status) { return static_cast<int>(status); }

// The status in that column. Throws SqliteFailure where the number is none: the file is damaged.
JobStatus status_in(const Query& row, int column);

inline Error no_job(const std::string& id) { return {ErrorCode::not_found, "no job " + id}; }

// "job X is running, not dead"
Error wrong_status(const std::string& id, JobStatus status, const char* wanted);

// What a job keeps in the store: its body; once it has succeeded, its result.
struct Kept {
  uint64_t bytes = 0;
  int64_t chunks = 0;  // as in StoredBlob
};
// Of a job that has ended. `result_size` -1: the result has been deleted.
Kept kept_by_ended(JobStatus status, int64_t body_size, int64_t result_size, int64_t chunks);

// A running job whose claim is still good.
struct HeldJob {
  int64_t seq;
  Kept body;
};
// Errors: not_found, conflict (another claim, or none, holds it).
Result<HeldJob> held_job(SqliteStore& store, const ClaimedJob& job);

void add_attempt(SqliteStore& store, int64_t seq, const AttemptRecord& attempt);
// As JobQueue::defer has it in the history.
void add_deferral(SqliteStore& store, int64_t seq, const AttemptRecord& attempt);
// The caller sets jobs.chunks.
void drop_kept(SqliteStore& store, int64_t seq, const Kept& kept);
void expire_job(SqliteStore& store, int64_t seq, JobStatus from, const Kept& body, WallTime now);
// All of it.
void delete_job(SqliteStore& store, int64_t seq, const Kept& kept, JobStatus status);
// Jobs before it. Counted from the nearer end; in the middle of a long queue, about the middle: a look must not read
// the whole of it.
uint64_t position_of(SqliteStore& store, int64_t due_at, int64_t seq);

}  // namespace tidegate::jobs
