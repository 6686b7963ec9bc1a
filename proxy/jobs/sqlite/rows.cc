#include "jobs/sqlite/rows.h"

#include <algorithm>

#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kCountedMax = 1000;  // a position further from both ends of the queue is not counted

}  // namespace

JobStatus status_in(const Query& row, int column) {
  const int64_t number = row.integer(column);
  if (number >= 0 && number <= kJobStatusCount) return static_cast<JobStatus>(number);  // the last one: accepting
  throw SqliteFailure(nullptr, SQLITE_CORRUPT, "status " + std::to_string(number) + " of a job");
}

Error wrong_status(const std::string& id, JobStatus status, const char* wanted) {
  return {ErrorCode::conflict, "job " + id + " is " + to_string(status) + ", not " + wanted};
}

Result<HeldJob> held_job(SqliteStore& store, const ClaimedJob& job) {
  Query query(store.db(), "SELECT seq, status, claim, body_size, chunks FROM jobs WHERE id = ?", job.id);
  if (!query.step()) return no_job(job.id);
  const bool ours =
      query.integer(1) == code(JobStatus::running) && static_cast<uint64_t>(query.integer(2)) == job.claim;
  if (!ours) return Error{ErrorCode::conflict, "job " + job.id + " is no longer held by this claim"};
  return HeldJob{query.integer(0), {static_cast<uint64_t>(query.integer(3)), query.integer(4)}};
}

Kept kept_by_ended(JobStatus status, int64_t body_size, int64_t result_size, int64_t chunks) {
  const int64_t bytes = status == JobStatus::dead ? body_size : std::max<int64_t>(0, result_size);
  return {static_cast<uint64_t>(bytes), chunks};
}

void add_attempt(SqliteStore& store, int64_t seq, const AttemptRecord& attempt) {
  Query(store.db(), "INSERT INTO attempts (owner, at, took, error) VALUES (?, ?, ?, ?)", seq, ns(attempt.at),
        attempt.took.count(), attempt.error)
      .run();
}

void add_deferral(SqliteStore& store, int64_t seq, const AttemptRecord& attempt) {
  Query last(store.db(), "SELECT rowid, error, deferrals FROM attempts WHERE owner = ? ORDER BY rowid DESC LIMIT 1",
             seq);
  if (last.step() && last.integer(2) > 0 && last.text(1) == attempt.error) {
    Query(store.db(), "UPDATE attempts SET at = ?, took = ?, deferrals = deferrals + 1 WHERE rowid = ?", ns(attempt.at),
          attempt.took.count(), last.integer(0))
        .run();
    return;
  }
  Query(store.db(), "INSERT INTO attempts (owner, at, took, error, deferrals) VALUES (?, ?, ?, ?, 1)", seq,
        ns(attempt.at), attempt.took.count(), attempt.error)
      .run();
  Query(store.db(),
        "DELETE FROM attempts WHERE rowid IN"
        " (SELECT rowid FROM attempts WHERE owner = ? AND deferrals > 0 ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
        seq, JobQueue::kDeferralsKept)
      .run();
}

void drop_kept(SqliteStore& store, int64_t seq, const Kept& kept) {
  Query(store.db(), "DELETE FROM bodies WHERE owner = ?", seq).run();
  store.unreadable().erase(kept.chunks);
  if (kept.chunks != 0) return disown_chunks(store, kept.chunks, kept.bytes);
  store.counters().subtract_bytes(kept.bytes);
}

void expire_job(SqliteStore& store, int64_t seq, JobStatus from, const Kept& body, WallTime now) {
  Query(store.db(), "UPDATE jobs SET status = 6, finished_at = ?, dedupe_key = NULL, chunks = 0 WHERE seq = ?", ns(now),
        seq)
      .run();
  drop_kept(store, seq, body);
  store.counters().move(from, JobStatus::expired);
  ++store.counters().expired;
}

void delete_job(SqliteStore& store, int64_t seq, const Kept& kept, JobStatus status) {
  Query(store.db(), "DELETE FROM results WHERE owner = ?", seq).run();
  drop_kept(store, seq, kept);
  Query(store.db(), "DELETE FROM attempts WHERE owner = ?", seq).run();
  Query(store.db(), "DELETE FROM jobs WHERE seq = ?", seq).run();
  store.counters().remove(status);
}

uint64_t position_of(SqliteStore& store, int64_t due_at, int64_t seq) {
  Query before(store.db(),
               "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE status <= 2 AND (due_at, seq) < (?, ?) LIMIT ?)", due_at,
               seq, kCountedMax);
  before.step();
  const auto counted = static_cast<uint64_t>(before.integer(0));
  if (counted < kCountedMax) return counted;
  Query after(store.db(),
              "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE status <= 2 AND (due_at, seq) > (?, ?) LIMIT ?)", due_at,
              seq, kCountedMax);
  after.step();
  const auto behind = static_cast<uint64_t>(after.integer(0));
  const uint64_t open = store.counters().open_jobs();
  if (behind < kCountedMax) return std::max(counted, open - std::min(open, behind + 1));
  return std::max(counted, open / 2);
}

}  // namespace tidegate::jobs
