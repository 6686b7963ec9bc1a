// The counters beside the tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "jobs/job.h"

namespace tidegate::jobs {

inline size_t index(JobStatus status) { return static_cast<size_t>(status); }

// What calls must not count row by row. Follows the transactions: what is rolled back is not counted.
struct SqliteCounters {
  std::array<uint64_t, kJobStatusCount + 1> depth{};  // by status, with accepting
  uint64_t bytes = 0;
  uint64_t expired = 0;
  uint64_t damaged = 0;
  uint32_t file_generation = 0;  // as in StoreCounts
  WallTime latest_now{};         // the latest time that is known to have been: what is undone must be done again

  uint64_t open_jobs() const;
  void add(JobStatus status, uint64_t size);
  void move(JobStatus from, JobStatus to);
  void remove(JobStatus status) { --depth[index(status)]; }
  void subtract_bytes(uint64_t size);
};

}  // namespace tidegate::jobs
