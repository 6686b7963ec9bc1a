#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"
#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

namespace {

constexpr int kScannedMax = 5000;  // rows that one page looks at: a rare filter has short pages, not long calls
constexpr int64_t kPageMax = 1000;

// In the order in which read_record reads them; a literal, so that a statement made of it is one.
#define TG_RECORD_COLUMNS                                                                                       \
  "seq, status, attempt, max_attempts, route, created_at, expires_at, due_at, finished_at, last_error, method," \
  " target, body_size, body_ref, replays, deferrals"

JobRecord read_record(std::string id, const Query& row) {
  JobRecord record;
  record.id = std::move(id);
  record.status = status_in(row, 1);
  record.attempt = static_cast<int>(row.integer(2));
  record.max_attempts = static_cast<int>(row.integer(3));
  record.route = row.text(4);
  record.created_at = wall(row.integer(5));
  record.expires_at = wall(row.integer(6));
  record.next_attempt_at = next_attempt_of(record.status, record.created_at, wall(row.integer(7)));
  if (!row.is_null(8)) record.finished_at = wall(row.integer(8));
  record.last_error = row.text(9);
  record.method = row.text(10);
  record.target = row.text(11);
  record.body_size = static_cast<uint64_t>(row.integer(12));
  record.body_ref = row.text(13);
  record.replays = static_cast<int>(row.integer(14));
  record.deferrals = static_cast<int>(row.integer(15));
  return record;
}

void add_result_status(SqliteStore& store, int64_t seq, JobRecord& record) {
  if (record.status != JobStatus::succeeded) return;
  Query result(store.db(), "SELECT status FROM results WHERE owner = ?", seq);
  if (result.step()) record.result_status = static_cast<uint16_t>(result.integer(0));
}

Error no_result(const std::string& id) {
  return {ErrorCode::not_found, "the result of job " + id + " has been deleted"};
}

Error unreadable_result(const SqliteStore& store, const std::string& id, const Error& why) {
  log_error("result_unreadable", {{"job_id", id}, {"store", store.path()}, {"reason", why.message}});
  return {ErrorCode::unavailable, why.message};
}

Error damaged_result(SqliteStore& store, const std::string& id) {
  log_error("job_damaged",
            {{"job_id", id}, {"store", store.path()}, {"reason", "checksum of the result does not match"}});
  return {ErrorCode::io, "the result of job " + id + " is damaged"};
}

bool matches(const JobFilter& filter, const JobRecord& record) {
  if (record.status == JobStatus::accepting) return false;
  if (filter.status && record.status != *filter.status) return false;
  return record.last_error.find(filter.error) != std::string::npos;
}

}  // namespace

Result<JobRecord> find_job(SqliteStore& store, const std::string& id, WallTime now) {
  sweep(store, now);
  Query query(store.db(), "SELECT " TG_RECORD_COLUMNS " FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const int64_t seq = query.integer(0);
  const int64_t due_at = query.integer(7);
  JobRecord record = read_record(id, query);
  if (record.status == JobStatus::accepting) return no_job(id);
  add_result_status(store, seq, record);
  if (record.status == JobStatus::queued || record.status == JobStatus::retrying) {
    record.position = position_of(store, due_at, seq);
  }
  Query history(store.db(), "SELECT at, took, error, deferrals FROM attempts WHERE owner = ? ORDER BY rowid", seq);
  while (history.step()) {
    record.history.push_back({wall(history.integer(0)), Duration(history.integer(1)), history.text(2),
                              static_cast<int>(history.integer(3))});
  }
  return record;
}

Result<StoredResultHead> find_result(SqliteStore& store, const std::string& id) {
  Query job(store.db(), "SELECT seq, status, result_size, chunks FROM jobs WHERE id = ?", id);
  if (!job.step()) return no_job(id);
  const auto status = status_in(job, 1);
  if (status != JobStatus::succeeded) return Error{ErrorCode::conflict, std::string("the job is ") + to_string(status)};
  const StoredBlob body{"results", job.integer(0), static_cast<uint64_t>(job.integer(2)), job.integer(3)};
  Query stored(store.db(), "SELECT status, fields, crc FROM results WHERE owner = ?", body.row);
  if (!stored.step()) return no_result(id);
  StoredResultHead head{static_cast<uint16_t>(stored.integer(0)), {}, body};
  const std::string fields = stored.text(1);
  const uint32_t of_head = result_head_crc(head.status, fields);
  const uint32_t crc =
      body.chunks != 0 ? chunked_crc(body.chunks, body.size, of_head) : blob_crc(store.db(), body, of_head);
  if (crc != static_cast<uint32_t>(stored.integer(2))) return damaged_result(store, id);
  if (const Status file = check_body_file(store, body.chunks); !file) return unreadable_result(store, id, file.error());
  head.fields = decode_fields(fields);
  return head;
}

Result<std::string> read_result(SqliteStore& store, const std::string& id, const StoredBlob& body, uint64_t n) {
  Query same(store.db(), "SELECT 1 FROM jobs WHERE id = ? AND result_size = ? AND chunks = ?", id, body.size,
             body.chunks);
  if (!same.step()) return no_result(id);
  auto piece = read_chunk(store, body, n);
  if (!piece && piece.error().code != ErrorCode::io) return unreadable_result(store, id, piece.error());
  if (!piece) return damaged_result(store, id);
  return piece;
}

Result<JobPage> list_jobs(SqliteStore& store, const JobFilter& filter) {
  int64_t after = 0;
  const char* end = filter.after.data() + filter.after.size();
  const auto parsed = std::from_chars(filter.after.data(), end, after);
  if (!filter.after.empty() && (parsed.ec != std::errc() || parsed.ptr != end)) {
    return Error{ErrorCode::invalid, "no such page: " + filter.after};
  }
  const auto limit = static_cast<size_t>(std::clamp<int64_t>(filter.limit, 1, kPageMax));
  JobPage page;
  int scanned = 0;
  Query rows(store.db(), "SELECT " TG_RECORD_COLUMNS ", id FROM jobs WHERE seq > ? ORDER BY seq LIMIT ?", after,
             kScannedMax);
  while (page.records.size() < limit && rows.step()) {
    ++scanned;
    after = rows.integer(0);
    JobRecord record = read_record(rows.text(16), rows);
    if (!matches(filter, record)) continue;
    add_result_status(store, after, record);
    page.records.push_back(std::move(record));
  }
  if (page.records.size() == limit || scanned == kScannedMax) page.next = std::to_string(after);
  return page;
}

}  // namespace tidegate::jobs
