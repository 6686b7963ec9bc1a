// The store's other half: what clients and operators ask of a job, and what time does to it.
#include <algorithm>

#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/row.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kCountedMax = 1000;  // a position further from both ends of the queue is not counted
constexpr uint64_t kSweepRows = 200;    // a sweep's work, at most
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kClockStep =
    std::chrono::seconds(5);  // less is no step: loops do not ask in the order of their clocks

}  // namespace

// From a row of TG_RECORD_COLUMNS.
JobRecord SqliteStore::read_record(std::string id, const Query& row) {
  JobRecord record;
  record.id = std::move(id);
  record.status = static_cast<JobStatus>(row.integer(1));
  record.attempt = static_cast<int>(row.integer(2));
  record.max_attempts = static_cast<int>(row.integer(3));
  record.route = row.text(4);
  record.created_at = wall(row.integer(5));
  record.expires_at = wall(row.integer(6));
  if (record.status == JobStatus::retrying) record.next_attempt_at = wall(row.integer(7));
  if (!row.is_null(8)) record.finished_at = wall(row.integer(8));
  record.last_error = row.text(9);
  record.method = row.text(10);
  record.target = row.text(11);
  record.body_size = static_cast<uint64_t>(row.integer(12));
  record.body_ref = row.text(13);
  record.replays = static_cast<int>(row.integer(14));
  return record;
}

Result<JobRecord> SqliteStore::find(const std::string& id) {
  Query query(db_, "SELECT " TG_RECORD_COLUMNS " FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const int64_t seq = query.integer(0);
  const int64_t due_at = query.integer(7);
  JobRecord record = read_record(id, query);
  if (record.status == JobStatus::accepting) return no_job(id);
  if (record.status == JobStatus::queued || record.status == JobStatus::retrying) {
    record.position = position_of(due_at, seq);
  }
  Query history(db_, "SELECT at, took, error FROM attempts WHERE owner = ? ORDER BY rowid", seq);
  while (history.step()) {
    record.history.push_back({wall(history.integer(0)), Duration(history.integer(1)), history.text(2)});
  }
  return record;
}

// Counted from the nearer end; in the middle of a long queue, about the middle: a look must not read the whole of it.
uint64_t SqliteStore::position_of(int64_t due_at, int64_t seq) {
  Query before(db_, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE status <= 2 AND (due_at, seq) < (?, ?) LIMIT ?)",
               due_at, seq, kCountedMax);
  before.step();
  const auto counted = static_cast<uint64_t>(before.integer(0));
  if (counted < kCountedMax) return counted;
  Query after(db_, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE status <= 2 AND (due_at, seq) > (?, ?) LIMIT ?)",
              due_at, seq, kCountedMax);
  after.step();
  const auto behind = static_cast<uint64_t>(after.integer(0));
  const uint64_t open = open_jobs();
  if (behind < kCountedMax) return std::max(counted, open - std::min(open, behind + 1));
  return std::max(counted, open / 2);
}

Result<StoredResultHead> SqliteStore::result(const std::string& id) {
  Query job(db_, "SELECT seq, status, result_size FROM jobs WHERE id = ?", id);
  if (!job.step()) return no_job(id);
  const auto status = static_cast<JobStatus>(job.integer(1));
  if (status != JobStatus::succeeded) return Error{ErrorCode::conflict, std::string("the job is ") + to_string(status)};
  const StoredBlob body{"results", job.integer(0), static_cast<uint64_t>(job.integer(2))};
  Query stored(db_, "SELECT status, fields, crc FROM results WHERE owner = ?", body.row);
  if (!stored.step()) return Error{ErrorCode::not_found, "the result of job " + id + " has been forgotten"};
  StoredResultHead head{static_cast<uint16_t>(stored.integer(0)), {}, body};
  const std::string fields = stored.text(1);
  if (body_crc(body, result_head_crc(head.status, fields)) != static_cast<uint32_t>(stored.integer(2))) {
    log_error("job_damaged", {{"job_id", id}, {"store", path_}, {"reason", "checksum of the result does not match"}});
    return Error{ErrorCode::io, "the result of job " + id + " is damaged"};
  }
  head.fields = decode_fields(fields);
  return head;
}

Status SqliteStore::cancel(const std::string& id, WallTime now) {
  Query query(db_, "SELECT seq, status, body_size FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = static_cast<JobStatus>(query.integer(1));
  if (status != JobStatus::queued && status != JobStatus::retrying && status != JobStatus::accepting) {
    return Error{ErrorCode::conflict, std::string("the job is ") + to_string(status)};
  }
  const int64_t seq = query.integer(0);
  Query(db_, "UPDATE jobs SET status = 5, finished_at = ?, dedupe_key = NULL WHERE seq = ?", ns(now), seq).run();
  drop_body(seq, static_cast<uint64_t>(query.integer(2)));
  move(status, JobStatus::cancelled);
  return Ok{};
}

void SqliteStore::expire(int64_t seq, JobStatus from, uint64_t body_size, WallTime now) {
  Query(db_, "UPDATE jobs SET status = 6, finished_at = ?, dedupe_key = NULL WHERE seq = ?", ns(now), seq).run();
  drop_body(seq, body_size);
  move(from, JobStatus::expired);
  ++counters_.expired;
}

// A clock that is put back an hour must not keep the whole queue for that hour: every job is due as much earlier. The
// order stays, and so do the leases.
void SqliteStore::follow_clock(WallTime now) {
  const Duration step = counters_.latest_now - now;
  if (step <= kClockStep) {
    counters_.latest_now = std::max(counters_.latest_now, now);
    return;
  }
  log_warn("clock_stepped_back", {{"store", path_}, {"by_s", to_seconds(step)}});
  Query(db_, "UPDATE jobs SET due_at = due_at - ? WHERE status <= 2", step.count()).run();
  counters_.latest_now = now;
}

void SqliteStore::sweep(WallTime now) {
  follow_clock(now);
  if (swept_in_group_) return;
  const bool soon = now - swept_at_ < kSweepEvery && now >= swept_at_;
  if (soon && !more_to_sweep_) return;
  swept_in_group_ = true;
  swept_at_ = now;
  struct Row {
    int64_t seq;
    JobStatus status;
    uint64_t size;
  };
  std::vector<Row> old;
  Query due(db_, "SELECT seq, status, body_size FROM jobs WHERE status IN (0, 2) AND expires_at <= ? LIMIT ?", ns(now),
            kSweepRows);
  while (due.step()) {
    old.push_back({due.integer(0), static_cast<JobStatus>(due.integer(1)), static_cast<uint64_t>(due.integer(2))});
  }
  for (const Row& row : old) expire(row.seq, row.status, row.size, now);
  forget_accepting(now);
  const bool more_to_forget = forget(now);
  more_to_sweep_ = more_to_forget || old.size() == kSweepRows;
}

// Results go after results_ttl; the bare record stays as long again, so that a late client hears "gone" and not
// "unknown".
bool SqliteStore::forget(WallTime now) {
  const int64_t results_before = ns(now - limits_.results_ttl);
  const int64_t records_before = ns(now - 2 * limits_.results_ttl);
  struct Row {
    int64_t seq;
    uint64_t bytes;
    JobStatus status;
    bool record;
  };
  std::vector<Row> gone;
  Query old(db_,
            "SELECT seq, status, body_size, result_size, finished_at FROM jobs WHERE status BETWEEN 3 AND 6 AND "
            "finished_at <= ?1"
            " AND (finished_at <= ?2 OR (status = 3 AND result_size >= 0)) ORDER BY finished_at LIMIT ?3",
            results_before, records_before, kSweepRows);
  while (old.step()) {
    const auto status = static_cast<JobStatus>(old.integer(1));
    const int64_t bytes = status == JobStatus::dead ? old.integer(2) : std::max<int64_t>(0, old.integer(3));
    gone.push_back({old.integer(0), static_cast<uint64_t>(bytes), status, old.integer(4) <= records_before});
  }
  for (const Row& row : gone) {
    if (row.record) {
      erase(row.seq, row.bytes, row.status);
      continue;
    }
    Query(db_, "DELETE FROM results WHERE owner = ?", row.seq).run();
    drop_body(row.seq, row.bytes);
    Query(db_, "UPDATE jobs SET result_size = -1, dedupe_key = NULL WHERE seq = ?", row.seq).run();
  }
  return gone.size() == kSweepRows;
}

// `bytes`: what the job's body and result count for.
void SqliteStore::erase(int64_t seq, uint64_t bytes, JobStatus status) {
  Query(db_, "DELETE FROM results WHERE owner = ?", seq).run();
  drop_body(seq, bytes);
  Query(db_, "DELETE FROM attempts WHERE owner = ?", seq).run();
  Query(db_, "DELETE FROM jobs WHERE seq = ?", seq).run();
  --counters_.depth[static_cast<size_t>(status)];
}

QueueView SqliteStore::view() {
  QueueView view;
  std::copy_n(counters_.depth.begin(), view.depth.size(), view.depth.begin());
  view.bytes = counters_.bytes;
  view.expired_total = counters_.expired;
  view.damaged_total = counters_.damaged;
  Query oldest(db_, "SELECT min(created_at) FROM jobs WHERE status <= 2");
  if (oldest.step() && !oldest.is_null(0)) view.oldest_created_at = wall(oldest.integer(0));
  Query next(db_, "SELECT due_at FROM jobs WHERE status <= 2 ORDER BY due_at LIMIT 1");
  if (next.step()) view.next_due_at = wall(next.integer(0));
  return view;
}

}  // namespace tidegate::jobs
