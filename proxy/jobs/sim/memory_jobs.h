// The jobs of the simulator's queue: found, chosen and counted, in plain memory, without delays and failures.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "jobs/sim/memory_index.h"

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

  void set_limits(const QueueLimits& limits) { limits_ = limits; }
  QueueView view() const;
  const std::map<uint64_t, MemoryJob>& all() const { return jobs_; }  // in the order in which they came
  const MemoryJob* find_job(const std::string& id) const;

 private:
  MemoryJob* find_job(const std::string& id);
  template <typename Change>
  void change(MemoryJob& job, Change work);
  void erase(const MemoryJob& job);
  Result<MemoryJob*> held_job(const ClaimedJob& claimed);
  template <typename Change>
  Status change_held(const ClaimedJob& claimed, Change work);
  std::optional<Result<Appended>> appended_before(const JobDraft& draft, const std::string& fingerprint);

  QueueLimits limits_;
  std::map<uint64_t, MemoryJob> jobs_;
  std::unordered_map<std::string, uint64_t> numbers_;  // by id
  MemoryIndex index_;
  uint64_t next_number_ = 1;
  uint64_t expired_ = 0;
};

// Up to `count` bytes of a body in memory.
std::string slice(const BodyContent& body, uint64_t offset, size_t count);

}  // namespace tidegate::jobs
