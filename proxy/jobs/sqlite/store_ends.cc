// The store's claims on their way to an end: renewed, answered, failed, given back.
#include <algorithm>

#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/row.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

namespace {

constexpr const char* kDamaged = "damaged_record";

}  // namespace

Result<SqliteStore::Held> SqliteStore::held(const ClaimedJob& job) {
  Query query(db_, "SELECT seq, status, claim, body_size FROM jobs WHERE id = ?", job.id);
  if (!query.step()) return no_job(job.id);
  const bool ours =
      query.integer(1) == code(JobStatus::running) && static_cast<uint64_t>(query.integer(2)) == job.claim;
  if (!ours) return Error{ErrorCode::conflict, "job " + job.id + " is no longer held by this claim"};
  return Held{query.integer(0), static_cast<uint64_t>(query.integer(3))};
}

void SqliteStore::add_attempt(int64_t seq, const AttemptRecord& attempt) {
  Query(db_, "INSERT INTO attempts VALUES (?, ?, ?, ?)", seq, ns(attempt.at), attempt.took.count(), attempt.error)
      .run();
}

void SqliteStore::drop_body(int64_t seq, uint64_t size) {
  Query(db_, "DELETE FROM bodies WHERE owner = ?", seq).run();
  counters_.bytes -= std::min(counters_.bytes, size);
}

Status SqliteStore::renew(const ClaimedJob& job, Duration lease, WallTime now) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  Query(db_, "UPDATE jobs SET due_at = ? WHERE seq = ?", ns(now + lease), held_job->seq).run();
  return Ok{};
}

Status SqliteStore::succeed(const ClaimedJob& job, const AttemptRecord& attempt, const StoredResponse& response,
                            WallTime now) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  const int64_t seq = held_job->seq;
  const uint64_t size = response.body.size();
  if (size > kSqliteBodyMax) return Error{ErrorCode::exhausted, "the answer is too large for the store"};
  const std::string fields = encode_fields(response.fields);
  const char* insert = "INSERT INTO results VALUES (?, ?, ?, 0, ?)";
  const int status = response.status;
  if (response.body.file) {
    Query(db_, insert, seq, status, fields, ZeroBlob{size}).run();
  } else {
    Query(db_, insert, seq, status, fields, Blob{response.body.memory}).run();
  }
  const uint32_t crc = write_body("results", seq, response.body, result_head_crc(response.status, fields));
  Query(db_, "UPDATE results SET crc = ? WHERE owner = ?", crc, seq).run();
  drop_body(seq, held_job->body_size);
  add_attempt(seq, attempt);
  Query(db_, "UPDATE jobs SET status = 3, finished_at = ?, result_size = ?, last_error = '' WHERE seq = ?", ns(now),
        size, seq)
      .run();
  counters_.bytes += size;
  move(JobStatus::running, JobStatus::succeeded);
  return Ok{};
}

Status SqliteStore::retry(const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  add_attempt(held_job->seq, attempt);
  Query(db_, "UPDATE jobs SET status = 2, due_at = ?, last_error = ? WHERE seq = ?", ns(not_before), attempt.error,
        held_job->seq)
      .run();
  move(JobStatus::running, JobStatus::retrying);
  return Ok{};
}

Status SqliteStore::dead_letter(const ClaimedJob& job, const AttemptRecord& attempt, WallTime now) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  add_attempt(held_job->seq, attempt);
  Query(db_, "UPDATE jobs SET status = 4, finished_at = ?, last_error = ?, dedupe_key = NULL WHERE seq = ?", ns(now),
        attempt.error, held_job->seq)
      .run();
  move(JobStatus::running, JobStatus::dead);
  return Ok{};
}

Status SqliteStore::release(const ClaimedJob& job, WallTime not_before) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  Query(db_, "UPDATE jobs SET status = 0, attempt = attempt - 1, due_at = max(min(created_at, ?), ?) WHERE seq = ?",
        ns(counters_.latest_now), ns(not_before), held_job->seq)
      .run();
  move(JobStatus::running, JobStatus::queued);
  return Ok{};
}

Status SqliteStore::forget(const ClaimedJob& job) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  drop_body(held_job->seq, held_job->body_size);
  Query(db_, "DELETE FROM attempts WHERE owner = ?", held_job->seq).run();
  Query(db_, "DELETE FROM jobs WHERE seq = ?", held_job->seq).run();
  --counters_.depth[index(JobStatus::running)];
  return Ok{};
}

Result<StoredBlob> SqliteStore::body_of(const ClaimedJob& job) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  return StoredBlob{"bodies", held_job->seq, held_job->body_size};
}

void SqliteStore::mark_damaged(int64_t seq, const std::string& id, JobStatus from, WallTime now) {
  log_error("job_damaged", {{"job_id", id}, {"store", path_}, {"reason", "checksum does not match: dead letter"}});
  const std::string error = kDamaged;
  Query(db_, "UPDATE jobs SET status = 4, finished_at = ?, last_error = ?, dedupe_key = NULL WHERE seq = ?", ns(now),
        error, seq)
      .run();
  add_attempt(seq, {now, Duration(0), kDamaged});
  move(from, JobStatus::dead);
  ++counters_.damaged;
}

}  // namespace tidegate::jobs
