// What the tests of large bodies share.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "base/log.h"
#include "jobs/sqlite/stored_body.h"
#include "unit/jobs/sqlite/fixture.h"
#include "unit/jobs/sqlite/job_load.h"

namespace tidegate::jobs {

inline constexpr size_t kMiB = 1 << 20;

// Every chunk is another one.
inline std::string large_bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i >> 10) * 31 + i);
  return bytes;
}

inline BodyContent in_file(std::string bytes) { return {"", std::make_shared<MemoryFile>(std::move(bytes))}; }

inline JobDraft large_draft(net::Runtime& home, const std::string& body) {
  JobDraft draft = make_draft(home);
  draft.body = in_file(body);
  return draft;
}

// Counts its commits; what is in its tables can be looked at.
class ChunkFixture : public SqliteFixture {
 public:
  static constexpr uint64_t kNoFiles = ~uint64_t{0};  // all large bodies are in the database

  explicit ChunkFixture(const QueueLimits& limits = {}, uint64_t body_file_min = kNoFiles) : SqliteFixture(limits) {
    log_configure(LogLevel::off, LogFormat::text);
    close();
    options().body_file_min = body_file_min;
    options().on_commit = [this](Duration) { ++commits; };
    open();
  }
  ~ChunkFixture() {
    close();
    log_configure(LogLevel::info, LogFormat::text);
  }
  int64_t rows(const char* table) {
    SqliteDb db(path(), "");
    return std::stoll(db.value_of((std::string("SELECT count(*) FROM ") + table).c_str()));
  }
  void change(const char* sql) { SqliteDb(path(), "").exec(sql); }
  uint64_t bytes() { return queue().view().bytes; }
  void await_bytes(uint64_t wanted) {
    run_until([&] { return bytes() == wanted; });
  }

  std::atomic<int> commits{0};
};

}  // namespace tidegate::jobs
