#include "jobs/sqlite/store.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/fingerprint.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/row.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kBodyPiece = 1 << 20;
constexpr int kDroppedMax = 200;  // expired and damaged jobs that one claim puts away
constexpr const char* kLeaseLost = "lease_lost";

}  // namespace

uint64_t SqliteStore::open_jobs() const {
  return counters_.depth[index(JobStatus::queued)] + counters_.depth[index(JobStatus::running)] +
         counters_.depth[index(JobStatus::retrying)] + counters_.depth[index(JobStatus::accepting)];
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

Status SqliteStore::check_limits(uint64_t size) const {
  if (open_jobs() >= limits_.max_jobs) return Error{ErrorCode::exhausted, "max_jobs reached"};
  if (counters_.bytes + size > limits_.max_bytes) return Error{ErrorCode::exhausted, "max_bytes reached"};
  if (size > kSqliteBodyMax) return Error{ErrorCode::exhausted, "the body is too large for the store"};
  if (free_disk_ < limits_.min_free_disk + size) return Error{ErrorCode::exhausted, "the disk is nearly full"};
  return Ok{};
}

// The job that the draft's key has made before. not_found: there is none, and the key is free.
Result<Appended> SqliteStore::appended_before(const JobDraft& draft, const std::string& fingerprint) {
  const Error free{ErrorCode::not_found, "the key is free"};
  if (draft.dedupe_key.empty()) return free;
  Query same_key(db_, "SELECT id, seq, status, due_at, fingerprint FROM jobs WHERE dedupe_key = ?", draft.dedupe_key);
  if (!same_key.step()) return free;
  const int64_t seq = same_key.integer(1);
  const auto status = static_cast<JobStatus>(same_key.integer(2));
  if (status == JobStatus::accepting) {  // nobody was promised that one
    Query(db_, "UPDATE jobs SET dedupe_key = NULL WHERE seq = ?", seq).run();
    return free;
  }
  if (same_key.text(4) != fingerprint) {
    return Error{ErrorCode::invalid, "the idempotency key was used with another payload"};
  }
  const bool waits = status == JobStatus::queued || status == JobStatus::retrying;
  return Appended{same_key.text(0), waits ? position_of(same_key.integer(3), seq) : 0, true, status};
}

Result<Appended> SqliteStore::append(const JobDraft& draft, WallTime now) {
  Query taken(db_, "SELECT status FROM jobs WHERE id = ?", draft.id);
  if (taken.step()) {
    const bool again = draft.external && taken.integer(0) == code(JobStatus::accepting);
    if (!again) return Error{ErrorCode::conflict, "job " + draft.id + " exists"};
    if (draft.dedupe_key.empty()) {  // it does without the one that another job has now
      Query(db_, "UPDATE jobs SET dedupe_key = NULL, fingerprint = '' WHERE id = ?", draft.id).run();
    }
    return Appended{draft.id, open_jobs(), false, JobStatus::queued};
  }
  std::string fingerprint;
  if (!draft.dedupe_key.empty()) {
    auto computed = fingerprint_of(draft);
    if (!computed) return computed.error();
    fingerprint = std::move(*computed);
  }
  auto before = appended_before(draft, fingerprint);
  if (before || before.error().code != ErrorCode::not_found) return before;
  if (const Status limits = check_limits(draft.body.size()); !limits) return limits.error();
  const uint64_t position = open_jobs();
  insert(draft, fingerprint, now);
  return Appended{draft.id, position, false, JobStatus::queued};
}

void SqliteStore::insert(const JobDraft& draft, const std::string& fingerprint, WallTime now) {
  const uint64_t size = draft.body.size();
  const int64_t seq = next_seq_++;
  const std::string fields = encode_fields(draft.fields);
  uint32_t crc = crc32c(draft.body_ref,
                        job_head_crc(draft.id, draft.route, draft.method, draft.target, fields, ns(draft.created_at)));
  if (!draft.external) {
    if (draft.body.file) {
      Query(db_, "INSERT INTO bodies VALUES (?, ?)", seq, ZeroBlob{size}).run();
    } else if (size > 0) {
      Query(db_, "INSERT INTO bodies VALUES (?, ?)", seq, Blob{draft.body.memory}).run();
    }
    crc = write_body("bodies", seq, draft.body, crc);
  }
  const JobStatus status = draft.external ? JobStatus::accepting : JobStatus::queued;
  Query(db_,
        "INSERT INTO jobs (seq, id, status, attempt, max_attempts, route, method, target, fields, created_at,"
        " expires_at, due_at, claim, last_error, body_size, result_size, crc, body_ref, dedupe_key, fingerprint,"
        " external, finished_at)"
        " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, 0, ?, ?, nullif(?, ''), ?, ?, nullif(?, 0))",
        seq, draft.id, code(status), draft.max_attempts, draft.route, draft.method, draft.target, fields,
        ns(draft.created_at), ns(draft.expires_at), ns(std::max(draft.created_at, draft.not_before)), size, crc,
        draft.body_ref, draft.dedupe_key, fingerprint, draft.external ? 1 : 0, draft.external ? ns(now) : 0)
      .run();
  ++counters_.depth[index(status)];
  counters_.bytes += size;
  free_disk_ -= std::min(free_disk_, size);
}

SqliteStore::Candidate SqliteStore::read_candidate(const Query& row) {
  Candidate candidate;
  candidate.seq = row.integer(0);
  candidate.from = static_cast<JobStatus>(row.integer(2));
  candidate.fields = row.text(8);
  candidate.crc = static_cast<uint32_t>(row.integer(13));
  candidate.due_at = row.integer(14);
  candidate.external = row.integer(15) != 0;
  ClaimedJob& job = candidate.job;
  job.id = row.text(1);
  job.attempt = static_cast<int>(row.integer(3)) + 1;
  job.max_attempts = static_cast<int>(row.integer(4));
  job.route = row.text(5);
  job.method = row.text(6);
  job.target = row.text(7);
  job.created_at = WallTime(Duration(row.integer(9)));
  job.expires_at = WallTime(Duration(row.integer(10)));
  job.claim = static_cast<uint64_t>(row.integer(11)) + 1;
  job.body_size = static_cast<uint64_t>(row.integer(12));
  job.body_ref = row.text(16);
  job.dedupe_key = row.text(17);
  return candidate;
}

bool SqliteStore::is_whole(const Candidate& candidate) {
  const ClaimedJob& job = candidate.job;
  const uint32_t head = crc32c(
      job.body_ref, job_head_crc(job.id, job.route, job.method, job.target, candidate.fields, ns(job.created_at)));
  const uint64_t here = candidate.external ? 0 : job.body_size;
  return body_crc({"bodies", candidate.seq, here}, head) == candidate.crc;
}

ClaimedJob SqliteStore::take(Candidate candidate, Duration lease, WallTime now) {
  candidate.job.fields = decode_fields(candidate.fields);
  if (candidate.from == JobStatus::running) add_attempt(candidate.seq, {now, Duration(0), kLeaseLost});
  Query(db_, "UPDATE jobs SET status = 1, attempt = ?, claim = ?, due_at = ? WHERE seq = ?", candidate.job.attempt,
        candidate.job.claim, ns(now + lease), candidate.seq)
      .run();
  move(candidate.from, JobStatus::running);
  return std::move(candidate.job);
}

Result<std::optional<ClaimedJob>> SqliteStore::claim(Duration lease, WallTime now) {
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    Query next(db_,
               "SELECT " TG_CANDIDATE_COLUMNS
               " FROM jobs WHERE status <= 2 AND due_at <= ? AND external = 0 ORDER BY due_at, seq LIMIT 1",
               ns(now));
    if (!next.step()) return std::optional<ClaimedJob>();
    Candidate candidate = read_candidate(next);
    if (candidate.job.expires_at <= now) {
      expire(candidate.seq, candidate.from, candidate.job.body_size, now);
    } else if (!is_whole(candidate)) {
      mark_damaged(candidate.seq, candidate.job.id, candidate.from, now);
    } else {
      return std::optional<ClaimedJob>(take(std::move(candidate), lease, now));
    }
  }
  return std::optional<ClaimedJob>();  // the rest with the next claim
}

Result<ClaimedJob> SqliteStore::claim_id(const std::string& id, Duration lease, WallTime now) {
  Query row(db_, "SELECT " TG_CANDIDATE_COLUMNS " FROM jobs WHERE id = ?", id);
  if (!row.step()) return no_job(id);
  Candidate candidate = read_candidate(row);
  const JobStatus from = candidate.from;
  const bool held_by_another = from == JobStatus::running && candidate.due_at > ns(now);
  if (is_final(from) || from == JobStatus::accepting || held_by_another) {
    return Error{ErrorCode::conflict, "job " + id + " is " + to_string(from)};
  }
  if (candidate.job.expires_at <= now) {
    expire(candidate.seq, from, candidate.job.body_size, now);
    return Error{ErrorCode::conflict, "job " + id + " has expired"};
  }
  if (!is_whole(candidate)) {
    mark_damaged(candidate.seq, id, from, now);
    return Error{ErrorCode::conflict, "job " + id + " is damaged"};
  }
  return take(std::move(candidate), lease, now);
}

}  // namespace tidegate::jobs
