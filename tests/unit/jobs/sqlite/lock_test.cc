// Another process locks the job file: a backup, a shell.
#include <atomic>

#include "base/log.h"
#include "jobs/sqlite/db/db.h"
#include "unit/jobs/sqlite/disk_layer.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

// Adds up how long locks are waited for, as SQLite asks for it: a slow machine waits no longer by this.
class WaitLayer final : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  int sleep(int time_us) override {
    waited_us += time_us;
    return DiskLayer::sleep(time_us);
  }
  std::atomic<int> waited_us{0};
};

}  // namespace

TEST_CASE("while another connection writes, calls wait, and no event loop does") {
  SqliteFixture fixture;
  Asker asker(fixture);
  asker.append_new();
  const ClaimedJob job = asker.claim();
  SqliteDb other(fixture.path(), "");
  for (int i = 0; i < 3; ++i) {
    other.exec("BEGIN IMMEDIATE");
    std::optional<Result<Appended>> appended;
    std::optional<Result<Ok>> renewed;
    const auto append = fixture.queue().append(fixture.home(), make_draft(fixture.home()),
                                               [&](Result<Appended> result) { appended = std::move(result); });
    const auto renewal =
        fixture.queue().renew(fixture.home(), job, 30s, [&](Result<Ok> result) { renewed = std::move(result); });
    fixture.pass(RealFixture::kMoment);  // timers of the loop run
    CHECK(!appended);
    CHECK(!renewed);
    CHECK(fixture.queue().view().available);
    other.exec("COMMIT");
    fixture.run_until([&] { return appended && renewed; });
    CHECK(appended->ok());
    CHECK(renewed->ok());
  }
}

TEST_CASE("a lock that outlasts the wait refuses the call, with the reason; after it, the queue works as before") {
  log_configure(LogLevel::off, LogFormat::text);
  SqliteFixture fixture;
  fixture.close();
  fixture.options().busy_wait = 20ms;
  fixture.open();
  Asker asker(fixture);
  const std::string before = asker.append_new();
  const auto bytes = fixture.queue().view().bytes;
  {
    SqliteDb other(fixture.path(), "");
    other.exec("BEGIN IMMEDIATE");
    const auto refused = asker.append(make_draft(fixture.home()));
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK(refused.error().message.starts_with("another process has locked the job file"));
    other.exec("ROLLBACK");
  }
  CHECK(fixture.queue().view().available);
  const std::string after = asker.append_new();
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 2);
  CHECK(fixture.queue().view().bytes == 2 * bytes);
  CHECK(asker.claim().id == before);
  CHECK(asker.claim().id == after);
  CHECK(asker.nothing_to_claim());
  log_configure(LogLevel::info, LogFormat::text);
}

TEST_CASE("a queue that closes waits for a lock once, not once for each group of calls") {
  static WaitLayer layer("tidegate-waits");
  log_configure(LogLevel::off, LogFormat::text);
  constexpr Duration kBusyWait = 100ms;
  SqliteFixture fixture;
  fixture.close();
  fixture.options().vfs = layer.name();
  fixture.options().batch_max = 1;
  fixture.options().busy_wait = kBusyWait;
  fixture.open();
  SqliteDb other(fixture.path(), "");
  other.exec("BEGIN IMMEDIATE");
  layer.waited_us = 0;
  int refused = 0;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < 8; ++i) {
    operations.push_back(fixture.queue().append(fixture.home(), make_draft(fixture.home()),
                                                [&](Result<Appended> appended) { refused += !appended; }));
  }
  fixture.close();
  CHECK(layer.waited_us > 0);
  // That of a group that had begun before, and those from then on.
  CHECK(std::chrono::microseconds(layer.waited_us) <= 2 * kBusyWait);
  fixture.run_until([&] { return refused == 8; });
  other.exec("ROLLBACK");
  log_configure(LogLevel::info, LogFormat::text);
}

}  // namespace tidegate::jobs
