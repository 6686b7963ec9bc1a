#include <algorithm>

#include "jobs/refusal.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"

namespace tidegate::jobs {

Status cancel_job(SqliteStore& store, const std::string& id, WallTime now) {
  Query query(store.db(), "SELECT seq, status, body_size, chunks FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = status_in(query, 1);
  if (status != JobStatus::queued && status != JobStatus::retrying && status != JobStatus::accepting) {
    return Error{ErrorCode::conflict, std::string("the job is ") + to_string(status)};
  }
  const int64_t seq = query.integer(0);
  Query(store.db(), "UPDATE jobs SET status = 5, finished_at = ?, dedupe_key = NULL, chunks = 0 WHERE seq = ?", ns(now),
        seq)
      .run();
  drop_kept(store, seq, {static_cast<uint64_t>(query.integer(2)), query.integer(3)});
  store.counters().move(status, JobStatus::cancelled);
  return Ok{};
}

Status replay_job(SqliteStore& store, const std::string& id, bool force, WallTime now) {
  Query query(store.db(), "SELECT seq, status, created_at, expires_at, replays FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = status_in(query, 1);
  if (status != JobStatus::dead) return wrong_status(id, status, "dead");
  if (query.integer(4) >= JobQueue::kReplaysMax && !force) {
    return replayed_too_often(id, query.integer(4));
  }
  const int64_t lifetime = query.integer(3) - query.integer(2);
  Query(store.db(),
        "UPDATE jobs SET status = 0, attempt = 0, deferrals = 0, lost = 0, replays = replays + 1, due_at = ?,"
        " attempted_at = ?, expires_at = ?, finished_at = NULL WHERE seq = ?",
        ns(now), ns(now), ns(now) + lifetime, query.integer(0))
      .run();
  store.counters().move(JobStatus::dead, JobStatus::queued);
  return Ok{};
}

Status purge_job(SqliteStore& store, const std::string& id) {
  Query query(store.db(), "SELECT seq, status, body_size, result_size, chunks FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = status_in(query, 1);
  if (!is_final(status)) return wrong_status(id, status, "ended");
  const Kept kept = kept_by_ended(status, query.integer(2), query.integer(3), query.integer(4));
  delete_job(store, query.integer(0), kept, status);
  return Ok{};
}

}  // namespace tidegate::jobs
