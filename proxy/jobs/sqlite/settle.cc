#include <algorithm>

#include "jobs/record_codec.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"

namespace tidegate::jobs {

namespace {

void insert_result(SqliteStore& store, int64_t seq, const StoredResponse& response) {
  const char* insert = "INSERT INTO results VALUES (?, ?, ?, 0, ?)";
  const std::string fields = encode_fields(response.fields);
  const int status = response.status;
  if (response.body.file) {
    Query(store.db(), insert, seq, status, fields, ZeroBlob{response.body.size()}).run();
  } else {
    Query(store.db(), insert, seq, status, fields, Blob{response.body.memory}).run();
  }
  const uint32_t crc = write_blob(store.db(), "results", seq, response.body, result_head_crc(response.status, fields));
  Query(store.db(), "UPDATE results SET crc = ? WHERE owner = ?", crc, seq).run();
}

// A running job whose attempt has failed waits for its next one.
void await_retry(SqliteStore& store, int64_t seq, const AttemptRecord& attempt, WallTime not_before) {
  Query(store.db(), "UPDATE jobs SET status = 2, due_at = ?, attempted_at = ?, last_error = ? WHERE seq = ?",
        ns(not_before), ns(attempt.at + attempt.took), attempt.error, seq)
      .run();
  store.counters().move(JobStatus::running, JobStatus::retrying);
}

}  // namespace

Status renew_claim(SqliteStore& store, const ClaimedJob& job, Duration lease, WallTime now) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  Query(store.db(), "UPDATE jobs SET due_at = ? WHERE seq = ?", ns(now + lease), held->seq).run();
  return Ok{};
}

Status succeed_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt,
                   const StoredResponse& response, WallTime now) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  const uint64_t size = response.body.size();
  if (size > kSqliteBodyMax) return Error{ErrorCode::exhausted, "the response is too large for the store"};
  insert_result(store, held->seq, response);
  drop_body(store, held->seq, held->body_size);
  add_attempt(store, held->seq, attempt);
  Query(store.db(), "UPDATE jobs SET status = 3, finished_at = ?, result_size = ?, last_error = '' WHERE seq = ?",
        ns(now), size, held->seq)
      .run();
  store.counters().bytes += size;
  store.counters().move(JobStatus::running, JobStatus::succeeded);
  return Ok{};
}

Status retry_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  add_attempt(store, held->seq, attempt);
  await_retry(store, held->seq, attempt, not_before);
  return Ok{};
}

Status defer_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  add_deferral(store, held->seq, attempt);
  await_retry(store, held->seq, attempt, not_before);
  Query(store.db(), "UPDATE jobs SET deferrals = deferrals + 1, attempt = attempt - 1 - lost, lost = 0 WHERE seq = ?",
        held->seq)
      .run();
  return Ok{};
}

Status dead_letter_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime now) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  add_attempt(store, held->seq, attempt);
  Query(store.db(), "UPDATE jobs SET status = 4, finished_at = ?, last_error = ?, dedupe_key = NULL WHERE seq = ?",
        ns(now), attempt.error, held->seq)
      .run();
  store.counters().move(JobStatus::running, JobStatus::dead);
  return Ok{};
}

Status release_job(SqliteStore& store, const ClaimedJob& job, WallTime not_before) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  Query(store.db(),
        "UPDATE jobs SET status = 0, attempt = attempt - 1, due_at = max(min(created_at, ?), ?) WHERE seq = ?",
        ns(store.counters().latest_now), ns(not_before), held->seq)
      .run();
  store.counters().move(JobStatus::running, JobStatus::queued);
  return Ok{};
}

Status remove_job(SqliteStore& store, const ClaimedJob& job) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  delete_job(store, held->seq, held->body_size, JobStatus::running);
  return Ok{};
}

}  // namespace tidegate::jobs
