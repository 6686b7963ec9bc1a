// What the simulator's queue finds its jobs by, so that a million of them cost a simulation no more than a hundred
// each. Owned by MemoryJobs, which removes a job from it before a change and adds it again afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "jobs/sim/memory_job.h"

namespace tidegate::jobs {

using TimeIndex = std::set<std::pair<WallTime, uint64_t>>;  // a time, and the job's number

struct MemoryIndex {
  TimeIndex due, created, expiring;                // of jobs that have not ended
  TimeIndex ended, with_result;                    // by finished_at
  std::unordered_map<std::string, uint64_t> keys;  // the numbers of those with a dedupe_key
  std::array<uint64_t, kJobStatusCount> depth{};
  uint64_t bytes = 0;

  void add(const MemoryJob& job);
  void remove(const MemoryJob& job);
};

}  // namespace tidegate::jobs
