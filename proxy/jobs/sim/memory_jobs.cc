#include "jobs/sim/memory_jobs.h"

#include <algorithm>
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
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const MemoryJob& job) { return job.draft.id == id; });
  return found == jobs_.end() ? nullptr : &*found;
}

MemoryJob* MemoryJobs::find_job(const std::string& id) {
  return const_cast<MemoryJob*>(std::as_const(*this).find_job(id));
}

template <typename Change>
Status MemoryJobs::with_held(const ClaimedJob& claimed, Change change) {
  MemoryJob* job = find_job(claimed.id);
  if (!job) return no_job(claimed.id);
  if (job->record.status != JobStatus::running || job->claim != claimed.claim) {
    return Error{ErrorCode::conflict, "job " + claimed.id + " is no longer held by this claim"};
  }
  change(*job);
  return Ok{};
}

// What the draft's key has made before; none = it is free.
std::optional<Result<Appended>> MemoryJobs::appended_before(const JobDraft& draft, const std::string& fingerprint) {
  if (draft.dedupe_key.empty()) return std::nullopt;
  for (const MemoryJob& job : jobs_) {
    if (job.draft.dedupe_key != draft.dedupe_key) continue;
    if (job.fingerprint != fingerprint) {
      return Error{ErrorCode::invalid, "the idempotency key was used with another payload"};
    }
    const auto record = find(job.draft.id, job.record.created_at);
    return Appended{job.draft.id, record ? record->position : 0, true, job.record.status};
  }
  return std::nullopt;
}

Result<Appended> MemoryJobs::append(const JobDraft& draft) {
  std::string fingerprint;
  if (!draft.dedupe_key.empty()) {
    auto computed = fingerprint_of(draft);
    if (!computed) return computed.error();
    fingerprint = std::move(*computed);
  }
  if (const auto before = appended_before(draft, fingerprint)) return *before;
  const uint64_t open = count_open();
  if (open >= limits_.max_jobs) return Error{ErrorCode::exhausted, "max_jobs reached"};
  if (bytes() + draft.body.size() > limits_.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (find_job(draft.id)) return Error{ErrorCode::conflict, "job " + draft.id + " exists"};
  MemoryJob job;
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
  jobs_.push_back(std::move(job));
  return Appended{draft.id, open, false, JobStatus::queued};
}

Result<std::optional<ClaimedJob>> MemoryJobs::claim(Duration lease, WallTime now) {
  sweep(now);
  MemoryJob* next = nullptr;
  for (MemoryJob& job : jobs_) {
    if (!is_final(job.record.status) && job.due_at <= now && (!next || job.due_at < next->due_at)) next = &job;
  }
  if (!next) return std::optional<ClaimedJob>();
  if (next->record.status == JobStatus::running) next->lose_attempt(now, "lease_lost");
  next->record.status = JobStatus::running;
  next->record.next_attempt_at.reset();
  ++next->record.attempt;
  ++next->claim;
  next->due_at = now + lease;
  const JobDraft& draft = next->draft;
  return std::optional<ClaimedJob>(ClaimedJob{draft.id, next->claim, draft.route, draft.method, draft.target,
                                              draft.fields, draft.body.size(), draft.body_ref, next->record.attempt,
                                              draft.max_attempts, draft.created_at, next->record.expires_at,
                                              draft.dedupe_key, next->record.deferrals, next->attempted_at});
}

Status MemoryJobs::renew(const ClaimedJob& claimed, Duration lease, WallTime now) {
  return with_held(claimed, [&](MemoryJob& job) { job.due_at = now + lease; });
}

Status MemoryJobs::succeed(const ClaimedJob& claimed, const AttemptRecord& attempt, const StoredResponse& response,
                           WallTime now) {
  StoredResponse stored = response;
  if (response.body.file) {
    const auto bytes = response.body.file->read_at(0, static_cast<size_t>(response.body.size()));
    if (!bytes) return bytes.error();
    stored.body = {*bytes, nullptr};
  }
  return with_held(claimed, [&](MemoryJob& job) {
    job.record.history.push_back(attempt);
    job.record.last_error.clear();
    job.end(JobStatus::succeeded, now);
    job.result = std::move(stored);
  });
}

Status MemoryJobs::retry(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before) {
  return with_held(claimed, [&](MemoryJob& job) { job.retry(attempt, not_before); });
}

Status MemoryJobs::defer(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime not_before) {
  return with_held(claimed, [&](MemoryJob& job) { job.defer(attempt, not_before); });
}

Status MemoryJobs::dead_letter(const ClaimedJob& claimed, const AttemptRecord& attempt, WallTime now) {
  return with_held(claimed, [&](MemoryJob& job) {
    job.fail_attempt(attempt);
    job.record.status = JobStatus::dead;
    job.record.finished_at = now;
    job.draft.dedupe_key.clear();
  });
}

Status MemoryJobs::release(const ClaimedJob& claimed, WallTime not_before) {
  return with_held(claimed, [&](MemoryJob& job) {
    job.record.status = JobStatus::queued;
    --job.record.attempt;
    job.due_at = std::max(job.record.created_at, not_before);
  });
}

Result<std::string> MemoryJobs::read_body(const ClaimedJob& claimed, uint64_t offset, size_t count) {
  std::string piece;
  const Status read = with_held(claimed, [&](MemoryJob& job) { piece = slice(job.draft.body, offset, count); });
  if (!read) return read.error();
  return piece;
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
  JobRecord record = found->record;
  const bool waits = record.status == JobStatus::queued || record.status == JobStatus::retrying;
  for (const MemoryJob& job : jobs_) {
    const bool before = job.due_at != found->due_at ? job.due_at < found->due_at : &job < found;
    if (waits && before && !is_final(job.record.status)) ++record.position;
  }
  return record;
}

Status MemoryJobs::cancel(const std::string& id, WallTime now) {
  MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (is_final(job->record.status) || job->record.status == JobStatus::running) {
    return Error{ErrorCode::conflict, std::string("the job is ") + to_string(job->record.status)};
  }
  job->end(JobStatus::cancelled, now);
  return Ok{};
}

Status MemoryJobs::replay(const std::string& id, bool force, WallTime now) {
  MemoryJob* job = find_job(id);
  if (!job) return no_job(id);
  if (job->record.status != JobStatus::dead) return Error{ErrorCode::conflict, "the job is not dead"};
  if (job->record.replays >= JobQueue::kReplaysMax && !force) {
    return replayed_too_often(id, job->record.replays);
  }
  job->replay(now);
  return Ok{};
}

Status MemoryJobs::purge(const std::string& id) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const MemoryJob& job) { return job.draft.id == id; });
  if (found == jobs_.end()) return no_job(id);
  if (!is_final(found->record.status)) return Error{ErrorCode::conflict, "the job has not ended"};
  jobs_.erase(found);
  return Ok{};
}

Result<JobPage> MemoryJobs::list(const JobFilter& filter) const {
  JobPage page;
  bool begun = filter.after.empty();
  for (const MemoryJob& job : jobs_) {
    if (begun && page.records.size() == static_cast<size_t>(filter.limit)) {
      page.next = page.records.back().id;
      break;
    }
    const bool matches = (!filter.status || job.record.status == *filter.status) &&
                         job.record.last_error.find(filter.error) != std::string::npos;
    if (begun && matches) page.records.push_back(job.record);
    if (job.draft.id == filter.after) begun = true;
  }
  for (JobRecord& record : page.records) record.history.clear();
  return page;
}

void MemoryJobs::recover(WallTime now) {
  for (MemoryJob& job : jobs_) {
    if (job.record.status != JobStatus::running) continue;
    job.lose_attempt(now, "process_ended");
    job.record.last_error = "process_ended";
    job.record.status = JobStatus::queued;
    job.due_at = job.record.created_at;
  }
}

QueueView MemoryJobs::view() const {
  QueueView view;
  view.bytes = bytes();
  view.expired_total = expired_;
  for (const MemoryJob& job : jobs_) {
    ++view.depth[static_cast<size_t>(job.record.status)];
    if (is_final(job.record.status)) continue;
    view.oldest_created_at = std::min(view.oldest_created_at.value_or(job.record.created_at), job.record.created_at);
    view.next_due_at = std::min(view.next_due_at.value_or(job.due_at), job.due_at);
  }
  return view;
}

uint64_t MemoryJobs::count_open() const {
  return static_cast<uint64_t>(
      std::count_if(jobs_.begin(), jobs_.end(), [](const MemoryJob& job) { return !is_final(job.record.status); }));
}

uint64_t MemoryJobs::bytes() const {
  uint64_t sum = 0;
  for (const MemoryJob& job : jobs_) sum += job.draft.body.size() + (job.result ? job.result->body.size() : 0);
  return sum;
}

void MemoryJobs::sweep(WallTime now) {
  for (MemoryJob& job : jobs_) {
    const bool waits = job.record.status == JobStatus::queued || job.record.status == JobStatus::retrying;
    const bool late = job.record.status == JobStatus::running && job.due_at <= now;
    if ((!waits && !late) || job.record.expires_at > now) continue;
    job.end(JobStatus::expired, now);
    ++expired_;
  }
  for (MemoryJob& job : jobs_) {
    if (!job.result || *job.record.finished_at + limits_.results_ttl > now) continue;
    job.result.reset();
    job.draft.dedupe_key.clear();
  }
  std::erase_if(jobs_, [&](const MemoryJob& job) {
    return is_final(job.record.status) && *job.record.finished_at + 2 * limits_.results_ttl <= now;
  });
}

}  // namespace tidegate::jobs
