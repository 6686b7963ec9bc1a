#include "jobs/sqlite/db/schema.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace tidegate::jobs {

namespace {

// due_at: when a claim may take it (queued: created_at, retrying: not before, running: the lease's end), so that one
// index orders the whole queue; put back where the clock is (housekeeping.cc), so it may lie before created_at.
// Times are nanoseconds since the epoch; status is JobStatus.
constexpr const char* kTables = R"sql(
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, route TEXT NOT NULL, method TEXT NOT NULL, target TEXT NOT NULL,
  fields TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
  finished_at INTEGER, claim INTEGER NOT NULL, last_error TEXT NOT NULL, body_size INTEGER NOT NULL,
  result_size INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX jobs_due ON jobs (due_at, seq) WHERE status <= 2;
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE status IN (0, 2);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE status > 2;
CREATE INDEX jobs_open ON jobs (created_at) WHERE status <= 2;
CREATE TABLE attempts (owner INTEGER NOT NULL, at INTEGER NOT NULL, took INTEGER NOT NULL, error TEXT NOT NULL);
CREATE INDEX attempts_owner ON attempts (owner);
CREATE TABLE bodies (owner INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE results (owner INTEGER PRIMARY KEY, status INTEGER NOT NULL, fields TEXT NOT NULL,
                      crc INTEGER NOT NULL, bytes BLOB NOT NULL);
)sql";

// Format 2. dedupe_key is NULL where there is none, or where the job has given it free. An accepting record (status 7)
// has the time of its writing in finished_at.
constexpr const char* kSecondFormat = R"sql(
ALTER TABLE jobs ADD COLUMN body_ref TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN dedupe_key TEXT;
ALTER TABLE jobs ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN external INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX jobs_key ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX jobs_accepting ON jobs (finished_at) WHERE status = 7;
)sql";

// Format 3. attempted_at: the end of the attempt before, or the replay (0: none); lost: attempts that ended without a
// verdict since the last deferral. In attempts, deferrals is 0 for one that counts, else how many deferrals it stands
// for.
constexpr const char* kThirdFormat = R"sql(
ALTER TABLE jobs ADD COLUMN deferrals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN attempted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN deferrals INTEGER NOT NULL DEFAULT 0;
)sql";

// Format 4. What a job keeps (its body, once it has succeeded its result) is a value in bodies or results, or, where
// jobs.chunks is not 0, the chunks of that owner (stored_body.h).
constexpr const char* kFourthFormat = R"sql(
CREATE TABLE chunks (owner INTEGER NOT NULL, n INTEGER NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL,
                     PRIMARY KEY (owner, n));
CREATE TABLE unowned (owner INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);
ALTER TABLE jobs ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
)sql";

// Format 5. Where the owner of chunks is in body_files, they are in that file, and not in the table (stored_body.h).
constexpr const char* kFifthFormat = R"sql(
CREATE TABLE body_files (owner INTEGER PRIMARY KEY, name TEXT NOT NULL, crcs BLOB NOT NULL);
)sql";

// Beside the format, so that an older version can use the file: it leaves the notes alone, and keeps the index up.
constexpr const char* kBesideFormat = R"sql(
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_with_result ON jobs (finished_at) WHERE status = 3 AND result_size >= 0;
)sql";

constexpr uintmax_t kCheckedWhole = 64u << 20;  // larger files are not read through at start: each record has its CRC

Error not_ours(const std::string& path, const std::string& why) { return {ErrorCode::invalid, path + ": " + why}; }

int format_of(SqliteDb& db) { return std::atoi(db.value_of("PRAGMA user_version").c_str()); }

void set_format(SqliteDb& db) {
  db.exec(("PRAGMA application_id=" + std::to_string(kSqliteApplicationId)).c_str());
  db.exec(("PRAGMA user_version=" + std::to_string(kSqliteFormat)).c_str());
}

// Before anything is written to the file: it may be another program's.
Status check_owner(SqliteDb& db, const std::string& path) {
  const std::string application = db.value_of("PRAGMA application_id");
  if (application == std::to_string(kSqliteApplicationId)) {
    const int format = format_of(db);
    if (format >= 1 && format <= kSqliteFormat) return Ok{};
    return not_ours(path, "made by another version of Tidegate (format " + std::to_string(format) +
                              ", this one reads " + std::to_string(kSqliteFormat) + ")");
  }
  if (application == "0" && db.value_of("SELECT count(*) FROM sqlite_schema") == "0") return Ok{};  // new
  return not_ours(path, "an SQLite file, but not a job store of Tidegate");
}

Status check_whole(SqliteDb& db, const std::string& path) {
  std::string found = db.value_of("PRAGMA integrity_check(1)");
  if (found == "ok") return Ok{};
  std::replace(found.begin(), found.end(), '\n', ' ');
  // A page that cannot be read may be readable later; what was read and is wrong stays wrong.
  const bool unread = found.find("get page") != std::string::npos || found.find("get the page") != std::string::npos;
  if (unread) return Error{ErrorCode::io, path + ": cannot be read: " + found};
  return not_ours(path, "damaged: " + found);
}

}  // namespace

Status check_sqlite_file(SqliteDb& db, const std::string& path, bool suspect) {
  if (Status ours = check_owner(db, path); !ours) return ours;
  std::error_code unknown;  // then it is checked
  const uintmax_t size = std::filesystem::file_size(path, unknown);
  if (suspect || unknown || size <= kCheckedWhole) {
    if (Status whole = check_whole(db, path); !whole) return whole;
  }
  // Checkpoints are made by a thread of their own (checkpoint.h), never inside a commit. A WAL that could not be moved
  // for a while is cut, once it has been, to the length that it otherwise keeps.
  db.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16000;"
      "PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16384000");
  const std::string mode = db.value_of("PRAGMA journal_mode");
  const std::string synchronous = db.value_of("PRAGMA synchronous");
  if (mode != "wal" || synchronous != "2") {
    return Error{ErrorCode::io, path + ": durable settings are not available here (journal_mode " + mode +
                                    ", synchronous " + synchronous + "; needed: wal, 2)"};
  }
  return Ok{};
}

bool is_new(SqliteDb& db) { return format_of(db) == 0; }

bool is_up_to_date(SqliteDb& db) {
  constexpr const char* kCount = "SELECT count(*) FROM sqlite_schema WHERE name IN ('notes', 'jobs_with_result')";
  return format_of(db) == kSqliteFormat && db.value_of(kCount) == "2";
}

void bring_up_to_date(SqliteDb& db) {
  const int format = format_of(db);
  db.exec("BEGIN IMMEDIATE");
  if (format < 1) db.exec(kTables);
  if (format < 2) db.exec(kSecondFormat);
  if (format < 3) db.exec(kThirdFormat);
  if (format < 4) db.exec(kFourthFormat);
  if (format < 5) db.exec(kFifthFormat);
  db.exec(kBesideFormat);
  set_format(db);
  db.exec("COMMIT");
}

}  // namespace tidegate::jobs
