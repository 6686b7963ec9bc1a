#include "jobs/sim/memory_jobs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "jobs/fingerprint.h"
#include "jobs/refusal.h"

namespace tidegate::jobs {

namespace {

Error no_job(const std::string& id) { return {ErrorCode::not_found, "no job " + id}; }

}  // namespace

std::string slice(const BodyContent& body, uint64_t offset, size_t count) {
  return offset < body.memory.size() ? body.memory.substr(offset, count) : std::string();
}

const MemoryJob* MemoryJobs::find_job(const std::string& id) const {
  const auto number = numbers_.find(id);
  return number == numbers_.end() ? nullptr : &jobs_.at(number->second);
}

MemoryJob* MemoryJobs::find_job(const std::string& id) {
  return const_cast<MemoryJob*>(std::as_const(*this).find_job(id));
}

template <typename Change>
void MemoryJobs::change(MemoryJob& job, Change work) {
  index_.remove(job);
  work(job);
  index_.add(job);
}

void MemoryJobs::erase(const MemoryJob& job) {
  index_.remove(job);
  numbers_.erase(job.draft.id);
  jobs_.erase(job.number);
}

Result<MemoryJob*> MemoryJobs::held_job(const ClaimedJob& claimed) {
  MemoryJob* job = find_job(claimed.id);
  if (!job) return no_job(claimed.id);
  if (job->record.status != JobStatus::running || job->claim != claimed.claim) {
    return Error{ErrorCode::conflict, "job " + claimed.id + " is no longer held by this claim"};
  }
  return job;
}

template <typename Change>
Status MemoryJobs::change_held(const ClaimedJob& claimed, Change work) {
  const auto job = held_job(claimed);
  if (!job) return job.error();
  change(**job, work);
  return Ok{};
}

// What the draft's key has made before; none = it is free.
std::optional<Result<Appended>> MemoryJobs::appended_before(const JobDraft& draft, const std::string& fingerprint) {
  if (draft.dedupe_key.empty()) return std::nullopt;
  const auto number = index_.keys.find(draft.dedupe_key);
  if (number == index_.keys.end()) return std::nullopt;
  const MemoryJob& job = jobs_.at(number->second);
  if (job.fingerprint != fingerprint) {
    return Error{ErrorCode::invalid, "the idempotency key was used with another payload"};
  }
  const auto record = find(job.draft.id, job.record.created_at);
  return Appended{job.draft.id, record ? record->position : 0, true, job.record.status};
}

Result<Appended> MemoryJobs::append(const JobDraft& draft) {
  std::string fingerprint;
  if (!draft.dedupe_key.empty()) {
    auto computed = fingerprint_of(draft);
    if (!computed) return computed.error();
    fingerprint = std::move(*computed);
  }
  if (const auto before = appended_before(draft, fingerprint)) return *before;
  const uint64_t open = index_.due.size();
  if (open >= limits_.max_jobs) return Error{ErrorCode::exhausted, "max_jobs reached"};
  if (index_.bytes + draft.body.size() > limits_.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (find_job(draft.id)) return Error{ErrorCode::conflict, "job " + draft.id + " exists"};
  MemoryJob job;
  job.number = next_number_++;
  job.draft = draft;
  job.due_at = std::max(draft.created_at, draft.not_before);
  job.fingerprint = std::move(fingerprint);
  if (draft.body.file) {
    const auto bytes = draft.body.file->read_at(0, static_cast<size_t>(draft.body.size()));
    if (!bytes) return bytes.error();
    job.draft.body = {*bytes, nullptr};
  }
  job.record.id = draft.id;
  job.record.route = draft.route;
  job.record.max_attempts = draft.max_attempts;
  job.record.created_at = draft.created_at;
  job.record.expires_at = draft.expires_at;
  job.record.method = draft.method;
  job.record.target = draft.target;
  job.record.body_size = draft.body.size();
  job.record.body_ref = draft.body_ref;
  index_.add(job);
  numbers_[draft.id] = job.number;
  jobs_.emplace(job.number, std::move(job));
  return Appended{draft.id, open, false, JobStatus::queued};
}

Result<std::optional<ClaimedJob>> MemoryJobs::claim(Duration lease, WallTime now) {
  sweep(now);
  const auto first = index_.due.begin();
  if (first == index_.due.end() || first->first > now) return std::optional<ClaimedJob>();
  MemoryJob& next = jobs_.at(first->second);
  change(next, [&](MemoryJob& job) {
    if (job.record.status == JobStatus::running) job.lose_attempt(now, "lease_lost");
    job.record.status = JobStatus::running;
    ++job.record.attempt;
    ++job.claim;
    job.due_at = now + lease;
  });
  const JobDraft& draft = next.draft;
  return std::optional<ClaimedJob>(ClaimedJob{draft.id, next.claim, draft.route, draft.method, draft.target,
                                              draft.fields, draft.body.size(), draft.body_ref, next.record.attempt,
                                              draft.max_attempts, draft.created_at, next.record.expires_at,
                                              draft.dedupe_key, next.record.deferrals, next.attempted_at});
}

Status MemoryJobs::renew(const ClaimedJob& claimed, Duration lease, WallTime now) {
  return change_held(claimed, [&](MemoryJob& job) { job.due_at = now + lease; });
}

Status MemoryJobs::succeed(const ClaimedJob& claimed, const AttemptRecord& attempt, const StoredResponse& response,
                           WallTime now) {
  StoredResponse stored = response;
  if (response.body.file) {
    const auto bytes = response.body.file->read_at(0, static_cast<size_t>(response.body.size()));
    if (!bytes) return bytes.error();
    stored.body = {*bytes, nullptr};
  }
  return change_held(claimed, [&](MemoryJob& job) {
    job.record.history.push_back(attempt);
    job.record.last_error.clear();
    job.end(JobStatus::succeeded, now);
    job.result = std::move(stored);
  });
}

Status MemoryJobs::retry(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before) {
  return change_held(claimed, [&](MemoryJob& job) { job.retry(attempt, not_before); });
}

Status MemoryJobs::defer(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before) {
  return change_held(claimed, [&](MemoryJob& job) { job.defer(attempt, not_before); });
}

Status MemoryJobs::dead_letter(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime now) {
  return change_held(claimed, [&](MemoryJob& job) {
    job.fail_attempt(attempt);
    job.record.status = JobStatus::dead;
    job.record.finished_at = now;
    job.draft.dedupe_key.clear();
  });
}

Status MemoryJobs::release(const ClaimedJob& claimed, WallTime not_before) {
  return change_held(claimed, [&](MemoryJob& job) {
    job.record.status = JobStatus::queued;
    --job.record.attempt;
    job.due_at = std::max(job.record.created_at, not_before);
  });
}

Result<std::string> MemoryJobs::read_body(const ClaimedJob& claimed, uint64_t offset, size_t count) {
  const auto job = held_job(claimed);
  if (!job) return job.error();
  return slice((*job)->draft.body, offset, count);
}

Result<StoredResponse> MemoryJobs::result(const std::string& id) const {
  const MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (job->record.status != JobStatus::succeeded) return Error{ErrorCode::conflict, "the job has not succeeded"};
  if (!job->result) return Error{ErrorCode::not_found, "the result has been deleted"};
  return *job->result;
}

Result<JobRecord> MemoryJobs::find(const std::string& id, WallTime now) {
  sweep(now);
  const MemoryJob* found = find_job(id);
  if (!found) return no_job(id);
  JobRecord record = found->shown();
  const bool waits = record.status == JobStatus::queued || record.status == JobStatus::retrying;
  if (waits) {
    const auto before = std::distance(index_.due.begin(), index_.due.find({found->due_at, found->number}));
    record.position = static_cast<uint64_t>(before);
  }
  return record;
}

Status MemoryJobs::cancel(const std::string& id, WallTime now) {
  MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (is_final(job->record.status) || job->record.status == JobStatus::running) {
    return Error{ErrorCode::conflict, std::string("the job is ") + to_string(job->record.status)};
  }
  change(*job, [&](MemoryJob& waiting) { waiting.end(JobStatus::cancelled, now); });
  return Ok{};
}

Status MemoryJobs::replay(const std::string& id, bool force, WallTime now) {
  MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (job->record.status != JobStatus::dead) return Error{ErrorCode::conflict, "the job is not dead"};
  if (job->record.replays >= JobQueue::kReplaysMax && !force) {
    return replayed_too_often(id, job->record.replays);
  }
  change(*job, [&](MemoryJob& dead) { dead.replay(now); });
  return Ok{};
}

Status MemoryJobs::purge(const std::string& id) {
  const MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (!is_final(job->record.status)) return Error{ErrorCode::conflict, "the job has not ended"};
  erase(*job);
  return Ok{};
}

Result<JobPage> MemoryJobs::list(const JobFilter& filter) const {
  JobPage page;
  const MemoryJob* after = find_job(filter.after);
  if (!after && !filter.after.empty()) return page;
  for (auto next = jobs_.upper_bound(after ? after->number : 0); next != jobs_.end(); ++next) {
    const JobRecord& record = next->second.record;
    if (page.records.size() == static_cast<size_t>(filter.limit)) {
      page.next = page.records.back().id;
      break;
    }
    const bool matches = (!filter.status || record.status == *filter.status) &&
                         record.last_error.find(filter.error) != std::string::npos;
    if (matches) page.records.push_back(next->second.shown());
  }
  for (JobRecord& record : page.records) record.history.clear();
  return page;
}

void MemoryJobs::recover(WallTime now) {
  for (auto& [number, job] : jobs_) {
    if (job.record.status != JobStatus::running) continue;
    change(job, [&](MemoryJob& running) {
      running.lose_attempt(now, "process_ended");
      running.record.last_error = "process_ended";
      running.record.status = JobStatus::queued;
      running.due_at = running.record.created_at;
    });
  }
}

QueueView MemoryJobs::view() const {
  QueueView view;
  view.depth = index_.depth;
  view.bytes = index_.bytes;
  view.expired_total = expired_;
  if (index_.due.empty()) return view;
  view.oldest_created_at = index_.created.begin()->first;
  view.next_due_at = index_.due.begin()->first;
  return view;
}

// A change takes its job out of the index that is gone through here, so the next one is looked up before it.
void MemoryJobs::sweep(WallTime now) {
  const auto for_each_until = [this](const TimeIndex& times, WallTime until, auto work) {
    for (auto next = times.begin(); next != times.end() && next->first <= until;) work(jobs_.at((next++)->second));
  };
  for_each_until(index_.expiring, now, [&](MemoryJob& job) {
    if (job.record.status == JobStatus::running && job.due_at > now) return;
    change(job, [&](MemoryJob& waiting) { waiting.end(JobStatus::expired, now); });
    ++expired_;
  });
  for_each_until(index_.with_result, now - limits_.results_ttl, [&](MemoryJob& job) {
    change(job, [](MemoryJob& succeeded) {
      succeeded.result.reset();
      succeeded.draft.dedupe_key.clear();
    });
  });
  for_each_until(index_.ended, now - 2 * limits_.results_ttl, [this](MemoryJob& job) { erase(job); });
}

}  // namespace tidegate::jobs
