// One job of the simulator's queue, and what the end of an attempt changes in it.
#pragma once

#include <optional>
#include <string>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

struct MemoryJob {
  // Each attempt that ends is added to the history.
  void fail_attempt(const AttemptRecord& attempt);
  void lose_attempt(WallTime now, const char* error);  // with its process or its lease, without a verdict
  void retry(const AttemptRecord& attempt, WallTime not_before);
  void defer(const AttemptRecord& attempt, WallTime not_before);
  void end(JobStatus status, WallTime now);
  void replay(WallTime now);
  // The record, with its next attempt, and the status of the result while that is kept.
  JobRecord shown() const;

  uint64_t number = 0;  // in the order in which they came
  JobDraft draft;
  JobRecord record;
  WallTime due_at{};  // when a claim may take it; running: the lease's end
  uint64_t claim = 0;
  std::optional<StoredResponse> result;
  std::string fingerprint;  // with a dedupe_key
  WallTime attempted_at{};  // as in ClaimedJob
  int lost = 0;             // attempts that ended without a verdict since the last deferral

 private:
  void await_retry(const AttemptRecord& attempt, WallTime not_before);
};

}  // namespace tidegate::jobs
