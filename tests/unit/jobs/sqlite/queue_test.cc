// What is SQLite's alone: damaged records, a failing disk, a second process. Damaged files: damaged_file_test.cc.
#include "base/log.h"
#include "jobs/sqlite/db/db.h"
#include "unit/jobs/sqlite/faulty_vfs.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

// A queue whose disk can be made to fail.
class FaultyBed : public SqliteFixture {
 public:
  FaultyBed() {
    log_configure(LogLevel::off, LogFormat::text);  // the failures are the test's own
    close();
    options().vfs = FaultyDisk::name();
    options().reopen_every = 20ms;
    open();
  }
  ~FaultyBed() {
    FaultyDisk::set(DiskFault::none);
    close();
    log_configure(LogLevel::info, LogFormat::text);
  }
};

uint64_t depth(JobQueue& queue, JobStatus status) { return queue.view().depth[static_cast<size_t>(status)]; }

}  // namespace

TEST_CASE("while the disk cannot be written to at the start the queue is unavailable, and it opens when the disk can") {
  for (const DiskFault fault : {DiskFault::error_on_write, DiskFault::full_on_write}) {
    FaultyBed fixture;
    Asker asker(fixture);
    fixture.close();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(fixture.path() + end);
    FaultyDisk::set(fault);
    fixture.open();
    CHECK(!fixture.queue().view().available);
    CHECK(fixture.queue().view().why_unavailable != "");
    CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
    FaultyDisk::set(DiskFault::none);
    fixture.run_until([&] { return fixture.queue().view().available; });
    const std::string id = asker.append_new();
    CHECK(asker.claim().id == id);
  }
}

TEST_CASE("a file that has been removed confirms nothing more") {
  log_configure(LogLevel::off, LogFormat::text);
  SqliteFixture fixture;
  Asker asker(fixture);
  fixture.close();
  fixture.options().reopen_every = 20ms;
  fixture.open();
  asker.append_new();
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(fixture.path() + end);
  CHECK(!asker.append(make_draft(fixture.home())).ok());
  fixture.run_until([&] { return fixture.queue().view().available; });
  const std::string after = asker.append_new();
  fixture.restart();
  CHECK(asker.claim().id == after);
  log_configure(LogLevel::info, LogFormat::text);
}

TEST_CASE("a backlog that has expired is deleted in pieces, and no call waits for all of it") {
  SqliteFixture fixture;
  Asker asker(fixture);
  constexpr int kOld = 1000;
  int kept = 0;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < kOld; ++i) {
    JobDraft draft = make_draft(fixture.home());
    draft.expires_at = draft.created_at + 150ms;
    operations.push_back(
        fixture.queue().append(fixture.home(), draft, [&](Result<Appended> position) { kept += position.ok(); }));
  }
  fixture.run_until([&] { return kept == kOld; });
  const std::string fresh = asker.append_new();
  CHECK(asker.find(fresh)->position == kOld);
  fixture.pass(1100ms);  // a sweep is due once a second
  fixture.queue().tidy(fixture.home());
  fixture.run_until([&] { return depth(fixture.queue(), JobStatus::expired) == kOld; });
  CHECK(asker.claim().id == fresh);
}

TEST_CASE("one process at a time has the store; its folder is created") {
  TestFolder folder;
  const std::string path = folder.file("deep/er/jobs.db");
  const auto first = open_sqlite_queue({.path = path});
  REQUIRE(first.ok());
  const auto second = open_sqlite_queue({.path = path});
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::conflict);
  CHECK(second.error().message.find(path) != std::string::npos);
}

TEST_CASE("a damaged record goes to the dead letters, with the others untouched") {
  log_configure(LogLevel::off, LogFormat::text);
  SqliteFixture fixture;
  Asker asker(fixture);
  const std::string good = asker.append_new("good");
  const std::string bad_body = asker.append_new("to be damaged");
  const std::string bad_target = asker.append_new();
  const std::string short_body = asker.append_new("cut off");
  const std::string no_body = asker.append_new("gone");
  fixture.close();
  {
    SqliteDb db(fixture.path(), "");
    Query(db, "UPDATE bodies SET bytes = CAST('to be damageD' AS BLOB) WHERE bytes = CAST('to be damaged' AS BLOB)")
        .run();
    Query(db, "UPDATE jobs SET target = '/elsewhere' WHERE id = ?", bad_target).run();
    Query(db, "UPDATE bodies SET bytes = x'00' WHERE bytes = CAST('cut off' AS BLOB)").run();
    Query(db, "DELETE FROM bodies WHERE bytes = CAST('gone' AS BLOB)").run();
  }
  fixture.open();
  CHECK(asker.claim().id == good);
  CHECK(asker.nothing_to_claim());
  for (const std::string& id : {bad_body, bad_target, short_body, no_body}) {
    const auto record = asker.find(id);
    CHECK(record->status == JobStatus::dead);
    CHECK(record->last_error == "damaged_record");
  }
  CHECK(fixture.queue().view().damaged_total == 4);
  log_configure(LogLevel::info, LogFormat::text);
}

TEST_CASE("a damaged result is not returned") {
  log_configure(LogLevel::off, LogFormat::text);
  SqliteFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  fixture.close();
  Query(*std::make_unique<SqliteDb>(fixture.path(), ""), "UPDATE results SET bytes = CAST('answeR' AS BLOB)").run();
  fixture.open();
  CHECK(asker.result(id).error().code == ErrorCode::io);
  log_configure(LogLevel::info, LogFormat::text);
}

TEST_CASE("a sync that fails confirms nothing; the store is opened again and works on") {
  for (const DiskFault fault : {DiskFault::error_on_sync, DiskFault::error_on_write}) {
    FaultyBed fixture;
    Asker asker(fixture);
    const std::string before = asker.append_new("before");
    FaultyDisk::set(fault);
    JobDraft lost = make_draft(fixture.home());
    const auto answer = asker.append(lost);
    REQUIRE(!answer.ok());
    CHECK(FaultyDisk::hits() > 0);
    CHECK(!fixture.queue().view().available);
    CHECK(fixture.queue().view().why_unavailable != "");
    CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
    FaultyDisk::set(DiskFault::none);
    fixture.run_until([&] { return fixture.queue().view().available; });
    const auto record = asker.find(lost.id);
    CHECK((!record.ok() || record->status == JobStatus::cancelled));
    const std::string after = asker.append_new("after");
    fixture.restart();
    CHECK(asker.claim().id == before);
    CHECK(asker.claim().id == after);
    CHECK(asker.nothing_to_claim());
  }
}

TEST_CASE("a full disk is a full queue, until there is room again") {
  FaultyBed fixture;
  Asker asker(fixture);
  const std::string before = asker.append_new("before");
  FaultyDisk::set(DiskFault::full_on_write);
  for (int i = 0; i < 3; ++i) {
    CHECK(asker.append(make_draft(fixture.home(), std::string(300'000, 'x'))).error().code == ErrorCode::exhausted);
  }
  CHECK(fixture.queue().view().available);
  CHECK(depth(fixture.queue(), JobStatus::queued) == 1);
  FaultyDisk::set(DiskFault::none);
  const std::string after = asker.append_new(std::string(300'000, 'x'));
  CHECK(asker.claim().id == before);
  CHECK(asker.claim().id == after);
}

TEST_CASE("a settle that the disk refuses leaves the claim as it was") {
  FaultyBed fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  const ClaimedJob job = asker.claim();
  FaultyDisk::set(DiskFault::error_on_sync);
  CHECK(!asker.succeed(job).ok());
  FaultyDisk::set(DiskFault::none);
  fixture.run_until([&] { return fixture.queue().view().available; });
  // Whether the failed commit is in the file or not is the disk's secret: both are whole.
  const Status again = asker.succeed(job);
  CHECK((again.ok() || again.error().code == ErrorCode::conflict));
  CHECK(asker.status(id) == JobStatus::succeeded);
  CHECK(asker.result(id).ok());
}

TEST_CASE("little free disk is a full queue") {
  QueueLimits limits;
  limits.min_free_disk = uint64_t{1} << 60;
  SqliteFixture fixture(limits);
  CHECK(Asker(fixture).append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
}

TEST_CASE("more calls than may wait fail as unavailable, the others are done") {
  SqliteFixture fixture;
  fixture.close();
  fixture.options().pending_max = 10;
  fixture.open();
  int kept = 0;
  int refused = 0;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < 500; ++i) {
    operations.push_back(
        fixture.queue().append(fixture.home(), make_draft(fixture.home()),
                               [&](Result<Appended> position) { position.ok() ? ++kept : ++refused; }));
  }
  fixture.run_until([&] { return kept + refused == 500; });
  CHECK(kept >= 10);
  CHECK(refused > 0);
  CHECK(depth(fixture.queue(), JobStatus::queued) == static_cast<uint64_t>(kept));
}

TEST_CASE("many calls at once share commits, and the growing log is moved into the file") {
  SqliteFixture fixture;
  std::atomic<int> commits{0};
  fixture.close();
  fixture.options().on_commit = [&](Duration) { ++commits; };
  fixture.open();
  constexpr int kJobs = 3000;
  int kept = 0;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < kJobs; ++i) {
    operations.push_back(fixture.queue().append(fixture.home(), make_draft(fixture.home(), std::string(4000, 'x')),
                                                [&](Result<Appended> position) { kept += position.ok(); }));
  }
  fixture.run_until([&] { return kept == kJobs; });
  CHECK(commits < kJobs / 4);
  fixture.close();
  fixture.options().on_commit = nullptr;
  fixture.open();
  CHECK(depth(fixture.queue(), JobStatus::queued) == kJobs);
  CHECK(std::filesystem::file_size(fixture.path()) > kJobs * 4000);
}

}  // namespace tidegate::jobs
