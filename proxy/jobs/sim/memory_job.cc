#include "jobs/sim/memory_job.h"

#include <algorithm>
#include <utility>

#include "jobs/record_codec.h"

namespace tidegate::jobs {

void MemoryJob::fail_attempt(const AttemptRecord& attempt) {
  record.history.push_back(attempt);
  record.last_error = attempt.error;
}

void MemoryJob::lose_attempt(WallTime now, const char* error) {
  record.history.push_back({now, Duration(0), error});
  attempted_at = now;
  ++lost;
}

void MemoryJob::retry(const AttemptRecord& attempt, WallTime not_before) {
  fail_attempt(attempt);
  await_retry(attempt, not_before);
}

void MemoryJob::defer(const AttemptRecord& attempt, WallTime not_before) {
  auto& history = record.history;
  const bool again = !history.empty() && history.back().deferrals > 0 && history.back().error == attempt.error;
  const int before = again ? history.back().deferrals : 0;
  if (again) history.pop_back();
  fail_attempt({attempt.at, attempt.took, attempt.error, before + 1});
  const auto deferred = [](const AttemptRecord& entry) { return entry.deferrals > 0; };
  if (std::count_if(history.begin(), history.end(), deferred) > JobQueue::kDeferralsKept) {
    history.erase(std::find_if(history.begin(), history.end(), deferred));
  }
  ++record.deferrals;
  record.attempt -= 1 + std::exchange(lost, 0);
  await_retry(attempt, not_before);
}

void MemoryJob::await_retry(const AttemptRecord& attempt, WallTime not_before) {
  record.status = JobStatus::retrying;
  due_at = not_before;
  attempted_at = attempt.at + attempt.took;
}

void MemoryJob::end(JobStatus status, WallTime now) {
  record.status = status;
  record.finished_at = now;
  if (status != JobStatus::succeeded) draft.dedupe_key.clear();
  draft.body = {};
}

void MemoryJob::replay(WallTime now) {
  ++record.replays;
  record.status = JobStatus::queued;
  record.attempt = record.deferrals = lost = 0;
  record.finished_at.reset();
  record.expires_at += now - record.created_at;
  due_at = attempted_at = now;
}

JobRecord MemoryJob::shown() const {
  JobRecord shown = record;
  shown.next_attempt_at = next_attempt_of(record.status, record.created_at, due_at);
  shown.result_status = result ? result->status : uint16_t{0};
  return shown;
}

}  // namespace tidegate::jobs
