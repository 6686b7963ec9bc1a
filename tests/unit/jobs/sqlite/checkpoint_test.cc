// The WAL is moved into the file beside the commits, and stays short.
#include <algorithm>
#include <atomic>
#include <deque>

#include "base/log.h"
#include "jobs/sqlite/checkpoint.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kWalMax = uint64_t{4} * SqliteCheckpoint::kPassFrames * 4096 * 102 / 100;  // a frame has a header

uint64_t wal_size(const SqliteFixture& fixture) { return std::filesystem::file_size(fixture.path() + "-wal"); }

// Appends `jobs` jobs, `clients` at a time; returns the largest size of the WAL that was seen meanwhile.
uint64_t append_many(SqliteFixture& fixture, int jobs, int clients, const std::string& body) {
  std::deque<OperationPtr> operations;
  uint64_t largest = 0;
  int begun = 0;
  int kept = 0;
  const std::function<void()> append = [&] {
    ++begun;
    operations.push_back(
        fixture.queue().append(fixture.home(), make_draft(fixture.home(), body), [&](const Result<Appended>& appended) {
          REQUIRE(appended.ok());
          ++kept;
          largest = std::max(largest, wal_size(fixture));
          if (begun < jobs) append();
        }));
  };
  for (int i = 0; i < clients; ++i) append();
  fixture.run_until([&] { return kept == jobs; });
  return largest;
}

class CountedFixture : public SqliteFixture {
 public:
  CountedFixture() {
    close();
    options().on_checkpoint_blocked = [this] { ++blocked; };
    open();
  }
  ~CountedFixture() { close(); }
  std::atomic<int> blocked{0};
};

}  // namespace

TEST_CASE("a load of jobs with nobody reading keeps the WAL below four passes, by one client and by many") {
  CountedFixture fixture;
  const std::string body(100'000, 'x');
  for (const int clients : {1, 16}) CHECK(append_many(fixture, 700, clients, body) < kWalMax);
  CHECK(fixture.blocked == 0);
}

TEST_CASE("a reader that stays blocks checkpoints, which is counted; when it ends, the WAL is short again") {
  log_configure(LogLevel::off, LogFormat::text);
  CountedFixture fixture;
  Asker(fixture).append_new();
  const std::string body(100'000, 'x');
  {
    SqliteDb reader(fixture.path(), "");
    reader.exec("BEGIN; SELECT count(*) FROM jobs");
    CHECK(append_many(fixture, 500, 4, body) > kWalMax);
    CHECK(fixture.blocked > 0);
    CHECK(fixture.blocked < 20);  // it is attempted now and then, not with each commit
    reader.exec("COMMIT");
  }
  append_many(fixture, 500, 4, body);
  CHECK(wal_size(fixture) < kWalMax);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 1001);
  log_configure(LogLevel::info, LogFormat::text);
}

TEST_CASE("a connection's first checkpoint finds the WAL of another") {
  TestFolder folder;
  SqliteDb writer(folder.file("a.db"), "");
  writer.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  SqliteDb other(folder.file("a.db"), "");
  const WalState wal = other.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  CHECK(wal.frames > 0);
  CHECK(wal.all_moved());
}

}  // namespace tidegate::jobs
