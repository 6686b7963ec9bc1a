#include "jobs/sqlite/db/counters.h"

#include <algorithm>

namespace tidegate::jobs {

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

}  // namespace tidegate::jobs
