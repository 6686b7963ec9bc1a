// A wall clock that is put back: the queue goes on.
#include "base/log.h"
#include "jobs/sqlite/operations.h"
#include "net/sim/sim_runtime.h"
#include "unit/jobs/sqlite/chunk_fixture.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kLease = 30s;

// The store alone, at times that the test names: changes as the store's thread makes them.
class Shop {
 public:
  Shop() {
    log_configure(LogLevel::off, LogFormat::text);
    open();
  }
  ~Shop() { log_configure(LogLevel::info, LogFormat::text); }

  void open() {
    store_.reset();
    SqliteFindings findings;
    auto opened = SqliteStore::open({.path = folder_.file("jobs.db")}, true, findings);
    REQUIRE(opened.ok());
    store_ = std::move(*opened);
  }

  template <typename Change>
  auto change(Change change) {
    store_->begin();
    store_->begin_change();
    auto result = change(*store_);
    store_->keep_change();
    store_->commit();
    return result;
  }
  std::string append(WallTime now) {
    JobDraft draft = make_draft(home_);
    draft.created_at = now;
    draft.expires_at = now + 24h;
    REQUIRE(change([&](SqliteStore& s) { return append_job(s, draft, now); }).ok());
    return draft.id;
  }
  std::optional<ClaimedJob> claim(WallTime now) {
    const auto job = change([&](SqliteStore& s) { return claim_job(s, kLease, now); });
    REQUIRE(job.ok());
    return *job;
  }
  std::string claimed(WallTime now) {
    const auto job = claim(now);
    return job ? job->id : "";
  }
  void retry(const ClaimedJob& job, WallTime now, Duration wait) {
    REQUIRE(change([&](SqliteStore& s) { return retry_job(s, job, {now, 1ms, "503"}, now + wait); }).ok());
  }
  void release(const ClaimedJob& job, WallTime not_before) {
    REQUIRE(change([&](SqliteStore& s) { return release_job(s, job, not_before); }).ok());
  }
  SqliteStore& store() { return *store_; }
  net::Runtime& home() { return home_; }
  WallTime noon() { return noon_; }

 private:
  TestFolder folder_;
  net::SimRuntime home_{1};
  const WallTime noon_ = WallTime(std::chrono::hours(24 * 365 * 50));
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace

TEST_CASE("a clock that is put back keeps no job waiting, and the order stays") {
  Shop shop;
  const std::string first = shop.append(shop.noon());
  const std::string second = shop.append(shop.noon() + 1s);
  const WallTime before = shop.noon() - 1h;
  CHECK(shop.claimed(before + 1s) == first);
  CHECK(shop.claimed(before + 2s) == second);
  CHECK(shop.claimed(before + 3s) == "");
}

TEST_CASE("a delay lasts as long as it should, whatever the clock does") {
  Shop shop;
  const std::string id = shop.append(shop.noon());
  shop.retry(*shop.claim(shop.noon()), shop.noon(), 60s);
  const WallTime back = shop.noon() - 1h;
  CHECK(shop.claimed(back) == "");
  CHECK(shop.claimed(back + 59s) == "");
  const auto job = shop.claim(back + 60s);
  REQUIRE(job);
  CHECK(job->id == id);
  // A lease likewise.
  const WallTime further = back - 1h;
  CHECK(shop.claimed(further) == "");
  CHECK(shop.claimed(further + kLease) == id);
}

TEST_CASE("a job released after the clock was put back is due at its time") {
  Shop shop;
  const std::string id = shop.append(shop.noon());
  const WallTime back = shop.noon() - 1h;
  shop.release(*shop.claim(back), WallTime{});
  auto job = shop.claim(back);
  REQUIRE(job);
  shop.release(*job, back + 10s);
  CHECK(shop.claimed(back + 9s) == "");
  CHECK(shop.claimed(back + 10s) == id);
}

TEST_CASE("jobs from a time in the future are due after a restart too") {
  Shop shop;
  const std::string running = shop.append(shop.noon());
  REQUIRE(shop.claim(shop.noon()));
  const std::string waiting = shop.append(shop.noon() + 1s);
  shop.open();
  const WallTime back = shop.noon() - 1h;
  CHECK(shop.claimed(back) == running);
  CHECK(shop.claimed(back + 1s) == waiting);
}

TEST_CASE("a clock step that was not committed is followed by the next call") {
  Shop shop;
  const std::string id = shop.append(shop.noon());
  const WallTime back = shop.noon() - 1h;
  shop.store().begin();
  shop.store().begin_change();
  sweep(shop.store(), back);
  shop.store().undo_change();
  shop.store().commit();
  CHECK(shop.claimed(back) == id);
}

TEST_CASE("clocks that differ a little are not a step") {
  Shop shop;
  shop.retry((shop.append(shop.noon()), *shop.claim(shop.noon())), shop.noon(), 10s);
  CHECK(shop.claimed(shop.noon() - 4s) == "");
  CHECK(shop.claimed(shop.noon() + 9s) == "");
  CHECK(shop.claimed(shop.noon() + 10s) != "");
}

TEST_CASE("a large append that takes longer than a step of the clock moves no lease and no back-off") {
  Shop shop;
  shop.append(shop.noon());
  const std::string waits = shop.append(shop.noon() + 1s);
  const auto runs = shop.claim(shop.noon() + 2s);
  const auto retried = shop.claim(shop.noon() + 2s);
  REQUIRE((runs && retried && retried->id == waits));
  shop.retry(*retried, shop.noon() + 3s, 60s);
  LargeAppend large(std::make_shared<JobDraft>(large_draft(shop.home(), large_bytes(4 * kMiB))), shop.noon() + 3s);
  for (int second = 4; second < 30; ++second) {
    shop.change([&](SqliteStore& s) {
      large.step(s);
      return 0;
    });
    CHECK(shop.claimed(shop.noon() + std::chrono::seconds(second)) != runs->id);
  }
  CHECK(shop.claimed(shop.noon() + 31s) != waits);
}

TEST_CASE("what a sweep has left at the start is deleted at the latest time that is known") {
  Shop shop;
  const std::string first = shop.append(shop.noon());
  const auto job = shop.claim(shop.noon());
  REQUIRE(job);
  shop.retry(*job, shop.noon() + 1s, 60s);
  shop.open();
  shop.change([](SqliteStore& s) {
    sweep_late(s, s.sweep_state().swept_at);
    return 0;
  });
  CHECK(shop.claimed(shop.noon() + 50s) == "");
  CHECK(shop.claimed(shop.noon() + 62s) == first);
}

}  // namespace tidegate::jobs
