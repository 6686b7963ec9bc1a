// The jobs of the simulator's queue: found, chosen and counted, in plain memory, without delays and failures.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "jobs/sim/memory_job.h"

namespace tidegate::jobs {

class MemoryJobs {
 public:
  explicit MemoryJobs(const QueueLimits& limits) : limits_(limits) {}

  // As in JobQueue, at `now`.
  Result<Appended> append(const JobDraft& draft);
  Result<std::optional<ClaimedJob>> claim(Duration lease, WallTime now);
  Status renew(const ClaimedJob& claimed, Duration lease, WallTime now);
  Status succeed(const ClaimedJob& claimed, const AttemptRecord& attempt, const StoredResponse& response, WallTime now);
  Status retry(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before);
  Status defer(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before);
  Status dead_letter(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime now);
  Status release(const ClaimedJob& claimed, WallTime not_before);
  Result<std::string> read_body(const ClaimedJob& claimed, uint64_t offset, size_t count);
  Result<StoredResponse> result(const std::string& id) const;
  Result<JobRecord> find(const std::string& id, WallTime now);
  Status cancel(const std::string& id, WallTime now);
  Status replay(const std::string& id, bool force, WallTime now);
  Status purge(const std::string& id);
  Result<JobPage> list(const JobFilter& filter) const;

  // Expires what is too old and deletes what ended long ago.
  void sweep(WallTime now);
  // After a crash: what was running is queued again.
  void recover(WallTime now);

  QueueView view() const;
  const std::deque<MemoryJob>& all() const { return jobs_; }

 private:
  const MemoryJob* find_job(const std::string& id) const;
  MemoryJob* find_job(const std::string& id);
  template <typename Change>
  Status with_held(const ClaimedJob& claimed, Change change);
  std::optional<Result<Appended>> appended_before(const JobDraft& draft, const std::string& fingerprint);
  uint64_t count_open() const;
  uint64_t bytes() const;

  QueueLimits limits_;
  std::deque<MemoryJob> jobs_;  // in the order in which they came
  uint64_t expired_ = 0;
};

// Up to `count` bytes of a body in memory.
std::string slice(const BodyContent& body, uint64_t offset, size_t count);

}  // namespace tidegate::jobs
