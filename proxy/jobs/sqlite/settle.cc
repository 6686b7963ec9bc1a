#include <algorithm>

#include "base/crc32c.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"
#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

namespace {

// `chunks`: the owner of the response's, where it is large.
Status insert_result(SqliteStore& store, int64_t seq, const StoredResponse& response, int64_t chunks) {
  const std::string fields = encode_fields(response.fields);
  const uint32_t head = result_head_crc(response.status, fields);
  const BodyContent& body = response.body;
  const auto value = chunks == 0 ? read_content(body, 0, body.size()) : Result<std::string>(std::string());
  if (!value) return value.error();
  const uint32_t crc = chunks == 0 ? crc32c(*value, head) : chunked_crc(chunks, body.size(), head);
  const int status = response.status;
  Query(store.db(), "INSERT INTO results VALUES (?, ?, ?, ?, ?)", seq, status, fields, crc, Blob{*value}).run();
  return Ok{};
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
                   const StoredResponse& response, WallTime now, int64_t chunks) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  const uint64_t size = response.body.size();
  if (const Status inserted = insert_result(store, held->seq, response, chunks); !inserted) return inserted;
  drop_kept(store, held->seq, held->body);
  add_attempt(store, held->seq, attempt);
  Query(store.db(),
        "UPDATE jobs SET status = 3, finished_at = ?, result_size = ?, chunks = ?, last_error = '' WHERE seq = ?",
        ns(now), size, chunks, held->seq)
      .run();
  store.counters().bytes += size;
  store.counters().move(JobStatus::running, JobStatus::succeeded);
  return Ok{};
}

std::optional<Result<Ok>> LargeSuccess::step(SqliteStore& store) {
  if (const auto held = held_job(store, job_); !held) return held.error();
  const auto written = writer_.step(store);
  if (!written) return written.error();
  if (!*written) return std::nullopt;
  return succeed_job(store, job_, attempt_, *response_, now_, writer_.own_chunks(store));
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
  delete_job(store, held->seq, held->body, JobStatus::running);
  return Ok{};
}

}  // namespace tidegate::jobs
