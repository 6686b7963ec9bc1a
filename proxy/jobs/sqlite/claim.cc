#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"
#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

namespace {

constexpr int kDroppedMax = 200;  // expired and damaged jobs that one claim removes
constexpr const char* kLeaseLost = "lease_lost";
constexpr const char* kDamaged = "damaged_record";
constexpr Duration kSetAsideFor = std::chrono::seconds(60);
constexpr int kMissingMax = 10;  // that often a job is set aside whose file alone is missing

// In the order in which read_candidate reads them; a literal, so that a statement made of it is one.
#define TG_CANDIDATE_COLUMNS                                                                              \
  "seq, id, status, attempt, max_attempts, route, method, target, fields, created_at, expires_at, claim," \
  " body_size, crc, due_at, external, body_ref, dedupe_key, deferrals, attempted_at, chunks"

struct Candidate {  // a row that may be claimed
  int64_t seq;
  JobStatus from;
  int64_t due_at;
  bool external;  // its body is not here
  int64_t chunks;
  uint32_t crc;
  std::string fields;
  ClaimedJob job;
};

Candidate read_candidate(const Query& row) {
  Candidate candidate;
  candidate.seq = row.integer(0);
  candidate.from = status_in(row, 2);
  candidate.fields = row.text(8);
  candidate.crc = static_cast<uint32_t>(row.integer(13));
  candidate.due_at = row.integer(14);
  candidate.external = row.integer(15) != 0;
  candidate.chunks = row.integer(20);
  ClaimedJob& job = candidate.job;
  job.id = row.text(1);
  job.attempt = static_cast<int>(row.integer(3)) + 1;
  job.max_attempts = static_cast<int>(row.integer(4));
  job.route = row.text(5);
  job.method = row.text(6);
  job.target = row.text(7);
  job.created_at = wall(row.integer(9));
  job.expires_at = wall(row.integer(10));
  job.claim = static_cast<uint64_t>(row.integer(11)) + 1;
  job.body_size = static_cast<uint64_t>(row.integer(12));
  job.body_ref = row.text(16);
  job.dedupe_key = row.text(17);
  job.deferrals = static_cast<int>(row.integer(18));
  job.attempted_at = wall(row.integer(19));
  return candidate;
}

// Chunks have checksums of their own, which are looked at when they are read.
bool is_whole(SqliteStore& store, const Candidate& candidate) {
  const ClaimedJob& job = candidate.job;
  const uint32_t head = crc32c(
      job.body_ref, job_head_crc(job.id, job.route, job.method, job.target, candidate.fields, ns(job.created_at)));
  if (candidate.chunks != 0) return chunked_crc(candidate.chunks, job.body_size, head) == candidate.crc;
  const uint64_t here = candidate.external ? 0 : job.body_size;
  return blob_crc(store.db(), {"bodies", candidate.seq, here}, head) == candidate.crc;
}

ClaimedJob hand_out(SqliteStore& store, Candidate candidate, Duration lease, WallTime now) {
  candidate.job.fields = decode_fields(candidate.fields);
  const bool lost = candidate.from == JobStatus::running;
  if (lost) {
    add_attempt(store, candidate.seq, {now, Duration(0), kLeaseLost});
    candidate.job.attempted_at = now;
  }
  Query(store.db(),
        "UPDATE jobs SET status = 1, attempt = ?, claim = ?, due_at = ?, attempted_at = ?, lost = lost + ?"
        " WHERE seq = ?",
        candidate.job.attempt, candidate.job.claim, ns(now + lease), ns(candidate.job.attempted_at), lost ? 1 : 0,
        candidate.seq)
      .run();
  store.counters().move(candidate.from, JobStatus::running);
  return std::move(candidate.job);
}

void mark_damaged(SqliteStore& store, const std::string& id, int64_t seq, JobStatus from, WallTime now,
                  const std::string& why = "checksum does not match") {
  log_error("job_damaged", {{"job_id", id}, {"store", store.path()}, {"reason", why + ": dead letter"}});
  Query(store.db(), "UPDATE jobs SET status = 4, finished_at = ?, last_error = ?, dedupe_key = NULL WHERE seq = ?",
        ns(now), std::string(kDamaged), seq)
      .run();
  add_attempt(store, seq, {now, Duration(0), kDamaged});
  store.counters().move(from, JobStatus::dead);
  ++store.counters().damaged;
}

// The file of its body cannot be read, or is missing: no other job is held up by that, and an operator has time to
// bring it back. A job of which alone the file is missing is not set aside for ever. `from` running: its claim ends so.
void set_aside(SqliteStore& store, const Candidate& candidate, const Error& why, WallTime now) {
  const auto [unreadable, is_first] = store.unreadable().try_emplace(candidate.chunks, 0);
  if (why.code == ErrorCode::not_found && ++unreadable->second > kMissingMax) {
    store.unreadable().erase(unreadable);
    return mark_damaged(store, candidate.job.id, candidate.seq, candidate.from, now, why.message);
  }
  if (is_first) {
    log_error("job_set_aside", {{"job_id", candidate.job.id}, {"store", store.path()}, {"reason", why.message}});
  }
  const JobStatus to = candidate.from == JobStatus::running ? JobStatus::queued : candidate.from;
  Query(store.db(), "UPDATE jobs SET status = ?, due_at = ? WHERE seq = ?", code(to), ns(now + kSetAsideFor),
        candidate.seq)
      .run();
  store.counters().move(candidate.from, to);
}

// Before it is handed out. True: it is set aside, or dead.
bool refuse_unreadable(SqliteStore& store, const Candidate& candidate, WallTime now) {
  const Status file = check_body_file(store, candidate.chunks);
  if (file) return false;
  if (candidate.from == JobStatus::running) {
    add_attempt(store, candidate.seq, {now, Duration(0), kLeaseLost});
    Query(store.db(), "UPDATE jobs SET lost = lost + 1 WHERE seq = ?", candidate.seq).run();
  }
  set_aside(store, candidate, file.error(), now);
  return true;
}

}  // namespace

Result<std::optional<ClaimedJob>> claim_job(SqliteStore& store, Duration lease, WallTime now) {
  sweep(store, now);
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    Query next(store.db(),
               "SELECT " TG_CANDIDATE_COLUMNS
               " FROM jobs WHERE status <= 2 AND due_at <= ? AND external = 0 ORDER BY due_at, seq LIMIT 1",
               ns(now));
    if (!next.step()) return std::optional<ClaimedJob>();
    Candidate candidate = read_candidate(next);
    if (candidate.job.expires_at <= now) {
      expire_job(store, candidate.seq, candidate.from, {candidate.job.body_size, candidate.chunks}, now);
    } else if (!is_whole(store, candidate)) {
      mark_damaged(store, candidate.job.id, candidate.seq, candidate.from, now);
    } else if (!refuse_unreadable(store, candidate, now)) {
      return std::optional<ClaimedJob>(hand_out(store, std::move(candidate), lease, now));
    }
  }
  return std::optional<ClaimedJob>();  // the rest with the next claim
}

Result<ClaimedJob> claim_job_by_id(SqliteStore& store, const std::string& id, Duration lease, WallTime now) {
  Query row(store.db(), "SELECT " TG_CANDIDATE_COLUMNS " FROM jobs WHERE id = ?", id);
  if (!row.step()) return no_job(id);
  Candidate candidate = read_candidate(row);
  const JobStatus from = candidate.from;
  const bool held_by_another = from == JobStatus::running && candidate.due_at > ns(now);
  if (is_final(from) || from == JobStatus::accepting || held_by_another) {
    return Error{ErrorCode::conflict, "job " + id + " is " + to_string(from)};
  }
  if (candidate.job.expires_at <= now) {
    expire_job(store, candidate.seq, from, {candidate.job.body_size, candidate.chunks}, now);
    return Error{ErrorCode::conflict, "job " + id + " has expired"};
  }
  if (!is_whole(store, candidate)) {
    mark_damaged(store, id, candidate.seq, from, now);
    return Error{ErrorCode::conflict, "job " + id + " is damaged"};
  }
  if (refuse_unreadable(store, candidate, now)) {
    return Error{ErrorCode::conflict, "the file of the body of job " + id + " cannot be read"};
  }
  return hand_out(store, std::move(candidate), lease, now);
}

Result<std::string> read_body(SqliteStore& store, const ClaimedJob& job, uint64_t n, WallTime now) {
  const auto held = held_job(store, job);
  if (!held) return held.error();
  const Kept& body = held->body;
  auto piece = read_chunk(store, {"bodies", held->seq, body.bytes, body.chunks}, n);
  if (piece) {
    if ((n + 1) * kChunkBytes >= body.bytes) store.unreadable().erase(body.chunks);
  } else if (piece.error().code == ErrorCode::io) {
    mark_damaged(store, job.id, held->seq, JobStatus::running, now);
  } else {
    Query(store.db(), "UPDATE jobs SET attempt = attempt - 1 WHERE seq = ?", held->seq).run();
    Query row(store.db(), "SELECT " TG_CANDIDATE_COLUMNS " FROM jobs WHERE seq = ?", held->seq);
    row.step();
    set_aside(store, read_candidate(row), piece.error(), now);
  }
  return piece;
}

}  // namespace tidegate::jobs
