// The store's operators' side: pages of jobs, replays of dead ones, purges; and records whose work items lie elsewhere.
#include <charconv>

#include "jobs/sqlite/row.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

namespace {

constexpr int kScannedMax = 5000;  // rows that one page looks at: a rare filter has short pages, not long calls
constexpr int64_t kPageMax = 1000;
constexpr Duration kAcceptingFor = std::chrono::minutes(5);  // longer than any publishing takes
constexpr int kForgottenMax = 200;

Error is_not(const std::string& id, const char* wanted, JobStatus status) {
  return {ErrorCode::conflict, "job " + id + " is " + to_string(status) + ", not " + wanted};
}

bool matches(const JobFilter& filter, const JobRecord& record) {
  if (record.status == JobStatus::accepting) return false;
  if (filter.status && record.status != *filter.status) return false;
  return record.last_error.find(filter.error) != std::string::npos;
}

}  // namespace

Result<JobPage> SqliteStore::list(const JobFilter& filter) {
  int64_t after = 0;
  const char* end = filter.after.data() + filter.after.size();
  const auto parsed = std::from_chars(filter.after.data(), end, after);
  if (!filter.after.empty() && (parsed.ec != std::errc() || parsed.ptr != end)) {
    return Error{ErrorCode::invalid, "no such page: " + filter.after};
  }
  const auto limit = static_cast<size_t>(std::clamp<int64_t>(filter.limit, 1, kPageMax));
  JobPage page;
  int scanned = 0;
  Query rows(db_, "SELECT " TG_RECORD_COLUMNS ", id FROM jobs WHERE seq > ? ORDER BY seq LIMIT ?", after, kScannedMax);
  while (page.records.size() < limit && rows.step()) {
    ++scanned;
    after = rows.integer(0);
    JobRecord record = read_record(rows.text(15), rows);
    if (matches(filter, record)) page.records.push_back(std::move(record));
  }
  if (page.records.size() == limit || scanned == kScannedMax) page.next = std::to_string(after);
  return page;
}

Status SqliteStore::replay(const std::string& id, bool force, WallTime now) {
  Query query(db_, "SELECT seq, status, created_at, expires_at, replays FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = static_cast<JobStatus>(query.integer(1));
  if (status != JobStatus::dead) return is_not(id, "dead", status);
  if (query.integer(4) >= JobQueue::kReplaysMax && !force) {
    return Error{ErrorCode::exhausted,
                 "job " + id + " has been replayed " + std::to_string(query.integer(4)) + " times and died each time"};
  }
  const int64_t lifetime = query.integer(3) - query.integer(2);
  Query(db_,
        "UPDATE jobs SET status = 0, attempt = 0, replays = replays + 1, due_at = ?, expires_at = ?,"
        " finished_at = NULL WHERE seq = ?",
        ns(now), ns(now) + lifetime, query.integer(0))
      .run();
  move(JobStatus::dead, JobStatus::queued);
  return Ok{};
}

Status SqliteStore::purge(const std::string& id) {
  Query query(db_, "SELECT seq, status, body_size, result_size FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = static_cast<JobStatus>(query.integer(1));
  if (!is_final(status)) return is_not(id, "ended", status);
  const int64_t bytes = status == JobStatus::dead ? query.integer(2) : std::max<int64_t>(0, query.integer(3));
  erase(query.integer(0), static_cast<uint64_t>(bytes), status);
  return Ok{};
}

Status SqliteStore::admit(const std::string& id) {
  Query query(db_, "SELECT seq, status, dedupe_key IS NULL AND fingerprint <> '' FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = static_cast<JobStatus>(query.integer(1));
  if (status == JobStatus::queued) return Ok{};
  if (status != JobStatus::accepting) return is_not(id, "accepting", status);
  if (query.integer(2) != 0) return Error{ErrorCode::conflict, "its key has made another job meanwhile"};
  Query(db_, "UPDATE jobs SET status = 0, finished_at = NULL WHERE seq = ?", query.integer(0)).run();
  move(JobStatus::accepting, JobStatus::queued);
  return Ok{};
}

// Nobody was promised them, and nobody publishes them any more.
void SqliteStore::forget_accepting(WallTime now) {
  struct Row {
    int64_t seq;
    uint64_t bytes;
  };
  std::vector<Row> stale;
  Query old(db_, "SELECT seq, body_size FROM jobs WHERE status = 7 AND finished_at <= ? LIMIT ?",
            ns(now - kAcceptingFor), kForgottenMax);
  while (old.step()) stale.push_back({old.integer(0), static_cast<uint64_t>(old.integer(1))});
  for (const Row& row : stale) erase(row.seq, row.bytes, JobStatus::accepting);
}

}  // namespace tidegate::jobs
