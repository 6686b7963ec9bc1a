// How values of the store stand in SQLite's rows; included by the sqlite_store*.cc alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "jobs/job.h"

namespace tidegate::jobs {

inline constexpr uint64_t kSqliteBodyMax = 900'000'000;  // SQLite's own bound on a value is 1,000,000,000 bytes

// Times are nanoseconds since the epoch.
inline int64_t ns(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime wall(int64_t nanoseconds) { return WallTime(Duration(nanoseconds)); }

// A status is its number in the enum.
inline int code(JobStatus status) { return static_cast<int>(status); }
inline size_t index(JobStatus status) { return static_cast<size_t>(status); }

// The columns that SqliteStore::read_candidate and read_record read, in their order; literals, so that a statement made
// of them is one.
#define TG_CANDIDATE_COLUMNS                                                                              \
  "seq, id, status, attempt, max_attempts, route, method, target, fields, created_at, expires_at, claim," \
  " body_size, crc, due_at, external, body_ref, dedupe_key"
#define TG_RECORD_COLUMNS                                                                                       \
  "seq, status, attempt, max_attempts, route, created_at, expires_at, due_at, finished_at, last_error, method," \
  " target, body_size, body_ref, replays"

inline Error no_job(const std::string& id) { return {ErrorCode::not_found, "no job " + id}; }

}  // namespace tidegate::jobs
