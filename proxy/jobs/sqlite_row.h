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

inline Error no_job(const std::string& id) { return {ErrorCode::not_found, "no job " + id}; }

}  // namespace tidegate::jobs
