#include "jobs/sqlite_store.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kBodyPiece = 1 << 20;
constexpr uint64_t kBodyMax = 900'000'000;  // SQLite's own bound on a value is 1,000,000,000 bytes
constexpr int kDroppedMax = 200;            // expired and damaged jobs that one claim puts away
constexpr const char* kLeaseLost = "lease_lost";
constexpr const char* kDamaged = "damaged_record";

int64_t ns(WallTime time) { return time.time_since_epoch().count(); }
int code(JobStatus status) { return static_cast<int>(status); }
size_t index(JobStatus status) { return static_cast<size_t>(status); }

}  // namespace

uint64_t SqliteStore::open_jobs() const {
  return counters_.depth[index(JobStatus::queued)] + counters_.depth[index(JobStatus::running)] +
         counters_.depth[index(JobStatus::retrying)];
}

void SqliteStore::move(JobStatus from, JobStatus to) {
  --counters_.depth[index(from)];
  ++counters_.depth[index(to)];
}

uint32_t SqliteStore::write_body(const char* table, int64_t row, const BodyContent& body, uint32_t crc) {
  if (!body.file) return crc32c(body.memory, crc);  // bound whole by the INSERT
  for (uint64_t at = 0; at < body.size();) {
    const auto piece = body.file->read_at(at, kBodyPiece);
    if (!piece || piece->empty()) throw SqliteFailure(nullptr, SQLITE_IOERR, "read of a kept body");
    db_.write_blob(table, row, at, *piece);
    crc = crc32c(*piece, crc);
    at += piece->size();
  }
  return crc;
}

uint32_t SqliteStore::body_crc(const StoredBlob& body, uint32_t crc) {
  for (uint64_t at = 0; at < body.size;) {
    const std::string piece = db_.read_blob(body.table, body.row, at, kBodyPiece);
    if (piece.empty()) return ~crc;  // shorter than the record says
    crc = crc32c(piece, crc);
    at += piece.size();
  }
  return crc;
}

Result<Appended> SqliteStore::append(const JobDraft& draft) {
  const uint64_t size = draft.body.size();
  const uint64_t before = open_jobs();
  if (before >= limits_.max_jobs) return Error{ErrorCode::exhausted, "max_jobs reached"};
  if (counters_.bytes + size > limits_.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (size > kBodyMax) return Error{ErrorCode::exhausted, "the body is too large for the store"};
  if (free_disk_ < limits_.min_free_disk + size) return Error{ErrorCode::exhausted, "the disk is nearly full"};
  Query taken(db_, "SELECT 1 FROM jobs WHERE id = ?", draft.id);
  if (taken.step()) return Error{ErrorCode::conflict, "job " + draft.id + " exists"};

  const int64_t seq = next_seq_++;
  const std::string fields = encode_fields(draft.fields);
  if (draft.body.file) {
    Query(db_, "INSERT INTO bodies VALUES (?, ?)", seq, ZeroBlob{size}).run();
  } else if (size > 0) {
    Query(db_, "INSERT INTO bodies VALUES (?, ?)", seq, Blob{draft.body.memory}).run();
  }
  uint32_t crc = job_head_crc(draft.id, draft.route, draft.method, draft.target, fields, ns(draft.created_at));
  crc = write_body("bodies", seq, draft.body, crc);
  Query(db_,
        "INSERT INTO jobs (seq, id, status, attempt, max_attempts, route, method, target, fields, created_at,"
        " expires_at, due_at, claim, last_error, body_size, result_size, crc)"
        " VALUES (?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, 0, ?)",
        seq, draft.id, draft.max_attempts, draft.route, draft.method, draft.target, fields, ns(draft.created_at),
        ns(draft.expires_at), ns(std::max(draft.created_at, draft.not_before)), size, crc)
      .run();
  ++counters_.depth[index(JobStatus::queued)];
  counters_.bytes += size;
  free_disk_ -= std::min(free_disk_, size);
  return Appended{draft.id, before, false, JobStatus::queued};
}

Result<std::optional<ClaimedJob>> SqliteStore::claim(Duration lease, WallTime now) {
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    Query next(db_,
               "SELECT seq, id, status, attempt, max_attempts, route, method, target, fields, created_at, expires_at,"
               " claim, body_size, crc FROM jobs WHERE status <= 2 AND due_at <= ? ORDER BY due_at, seq LIMIT 1",
               ns(now));
    if (!next.step()) return std::optional<ClaimedJob>();
    const int64_t seq = next.integer(0);
    const auto from = static_cast<JobStatus>(next.integer(2));
    ClaimedJob job;
    job.id = next.text(1);
    job.route = next.text(5);
    job.method = next.text(6);
    job.target = next.text(7);
    job.claim = static_cast<uint64_t>(next.integer(11)) + 1;
    job.body_size = static_cast<uint64_t>(next.integer(12));
    job.attempt = static_cast<int>(next.integer(3)) + 1;
    job.max_attempts = static_cast<int>(next.integer(4));
    job.created_at = WallTime(Duration(next.integer(9)));
    job.expires_at = WallTime(Duration(next.integer(10)));
    if (job.expires_at <= now) {
      expire(seq, from, job.body_size, now);
      continue;
    }
    const std::string fields = next.text(8);
    const uint32_t head = job_head_crc(job.id, job.route, job.method, job.target, fields, next.integer(9));
    if (body_crc({"bodies", seq, job.body_size}, head) != static_cast<uint32_t>(next.integer(13))) {
      mark_damaged(seq, job.id, from, now);
      continue;
    }
    job.fields = decode_fields(fields);
    if (from == JobStatus::running) add_attempt(seq, {now, Duration(0), kLeaseLost});
    Query(db_, "UPDATE jobs SET status = 1, attempt = ?, claim = ?, due_at = ? WHERE seq = ?", job.attempt, job.claim,
          ns(now + lease), seq)
        .run();
    move(from, JobStatus::running);
    return std::optional<ClaimedJob>(std::move(job));
  }
  return std::optional<ClaimedJob>();  // the rest with the next claim
}

Result<SqliteStore::Held> SqliteStore::held(const ClaimedJob& job) {
  Query query(db_, "SELECT seq, status, claim, body_size FROM jobs WHERE id = ?", job.id);
  if (!query.step()) return Error{ErrorCode::not_found, "no job " + job.id};
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
  if (size > kBodyMax) return Error{ErrorCode::exhausted, "the answer is too large for the store"};
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

Status SqliteStore::bury(const ClaimedJob& job, const AttemptRecord& attempt, WallTime now) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  add_attempt(held_job->seq, attempt);
  Query(db_, "UPDATE jobs SET status = 4, finished_at = ?, last_error = ? WHERE seq = ?", ns(now), attempt.error,
        held_job->seq)
      .run();
  move(JobStatus::running, JobStatus::dead);
  return Ok{};
}

Status SqliteStore::release(const ClaimedJob& job, WallTime not_before) {
  const auto held_job = held(job);
  if (!held_job) return held_job.error();
  Query(db_, "UPDATE jobs SET status = 0, attempt = attempt - 1, due_at = max(created_at, ?) WHERE seq = ?",
        ns(not_before), held_job->seq)
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
  Query(db_, "UPDATE jobs SET status = 4, finished_at = ?, last_error = ? WHERE seq = ?", ns(now), error, seq).run();
  add_attempt(seq, {now, Duration(0), kDamaged});
  move(from, JobStatus::dead);
  ++counters_.damaged;
}

}  // namespace tidegate::jobs
