#include <algorithm>
#include <vector>

#include "base/log.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"
#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kRowsMax = 200;  // of each kind that one sweep changes
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kClockStep =
    std::chrono::seconds(5);  // less is no step: the calls of several loops do not come in the order of their clocks
constexpr Duration kAcceptingMax = std::chrono::minutes(5);  // longer than any publishing takes

// A clock that is put back an hour must not keep the whole queue for that hour: every job is due as much earlier. The
// order stays, and so do the leases.
void follow_clock(SqliteStore& store, WallTime now) {
  WallTime& latest_now = store.counters().latest_now;
  const Duration step = latest_now - now;
  if (step <= kClockStep) {
    latest_now = std::max(latest_now, now);
    return;
  }
  log_warn("clock_stepped_back", {{"store", store.path()}, {"by_s", to_seconds(step)}});
  Query(store.db(), "UPDATE jobs SET due_at = due_at - ? WHERE status <= 2", step.count()).run();
  latest_now = now;
}

// True: there may be more.
bool expire_overdue(SqliteStore& store, WallTime now) {
  struct Row {
    int64_t seq;
    JobStatus status;
    Kept body;
  };
  std::vector<Row> overdue;
  Query query(store.db(),
              "SELECT seq, status, body_size, chunks FROM jobs WHERE status IN (0, 2) AND expires_at <= ? LIMIT ?",
              ns(now), kRowsMax);
  while (query.step()) {
    overdue.push_back(
        {query.integer(0), status_in(query, 1), {static_cast<uint64_t>(query.integer(2)), query.integer(3)}});
  }
  for (const Row& row : overdue) expire_job(store, row.seq, row.status, row.body, now);
  return overdue.size() == kRowsMax;
}

// Nobody was promised them, and nobody publishes them any more. Their bodies are not here.
void delete_stale_accepting(SqliteStore& store, WallTime now) {
  struct Row {
    int64_t seq;
    uint64_t bytes;
  };
  std::vector<Row> stale;
  Query query(store.db(), "SELECT seq, body_size FROM jobs WHERE status = 7 AND finished_at <= ? LIMIT ?",
              ns(now - kAcceptingMax), kRowsMax);
  while (query.step()) stale.push_back({query.integer(0), static_cast<uint64_t>(query.integer(1))});
  for (const Row& row : stale) delete_job(store, row.seq, {row.bytes}, JobStatus::accepting);
}

struct EndedRow {
  int64_t seq;
  JobStatus status;
  Kept kept;
};

// `sql` selects seq, status, body_size, result_size, chunks; its parameters: ended until when, and how many rows.
std::vector<EndedRow> find_ended(SqliteStore& store, const char* sql, WallTime until) {
  Query query(store.db(), sql, ns(until), kRowsMax);
  std::vector<EndedRow> ended;
  while (query.step()) {
    const auto status = status_in(query, 1);
    ended.push_back(
        {query.integer(0), status, kept_by_ended(status, query.integer(2), query.integer(3), query.integer(4))});
  }
  return ended;
}

// Each query repeats the condition of its index (schema.cc): it reads the rows that it is to change, and no others.
// True: there may be more.
bool delete_results(SqliteStore& store, WallTime before) {
  const auto ended = find_ended(store,
                                "SELECT seq, status, body_size, result_size, chunks FROM jobs WHERE status = 3"
                                " AND result_size >= 0 AND finished_at <= ? ORDER BY finished_at LIMIT ?",
                                before);
  for (const EndedRow& row : ended) {
    Query(store.db(), "DELETE FROM results WHERE owner = ?", row.seq).run();
    drop_kept(store, row.seq, row.kept);
    Query(store.db(), "UPDATE jobs SET result_size = -1, chunks = 0, dedupe_key = NULL WHERE seq = ?", row.seq).run();
  }
  return ended.size() == kRowsMax;
}

bool delete_records(SqliteStore& store, WallTime before) {
  const auto ended = find_ended(store,
                                "SELECT seq, status, body_size, result_size, chunks FROM jobs WHERE status > 2"
                                " AND status <> 7 AND finished_at <= ? ORDER BY finished_at LIMIT ?",
                                before);
  for (const EndedRow& row : ended) delete_job(store, row.seq, row.kept, row.status);
  return ended.size() == kRowsMax;
}

// Results go after results_ttl; the bare record stays as long again, so that a late client gets "gone" and not
// "unknown". True: there may be more.
bool delete_ended(SqliteStore& store, WallTime now) {
  const Duration ttl = store.limits().results_ttl;
  const bool more_records = delete_records(store, now - 2 * ttl);
  const bool more_results = delete_results(store, now - ttl);
  return more_records || more_results;
}

}  // namespace

void sweep(SqliteStore& store, WallTime now) {
  follow_clock(store, now);
  SweepState& state = store.sweep_state();
  if (state.done_in_group) return;
  const bool soon = now - state.swept_at < kSweepEvery && now >= state.swept_at;
  if (soon && !state.more) return;
  state.done_in_group = true;
  state.swept_at = now;
  const bool more_overdue = expire_overdue(store, now);
  delete_stale_accepting(store, now);
  const bool more_ended = delete_ended(store, now);
  const bool more_unowned = delete_unowned(store);
  state.more = more_overdue || more_ended || more_unowned;
}

void sweep_late(SqliteStore& store, WallTime since) { sweep(store, std::max(since, store.counters().latest_now)); }

}  // namespace tidegate::jobs
