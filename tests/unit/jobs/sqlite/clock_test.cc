// A wall clock that is put back: the queue goes on.
#include "unit/jobs/sqlite/bare_store.h"

namespace tidegate::jobs {

TEST_CASE("a clock that is put back keeps no job waiting, and the order stays") {
  BareStore store;
  const std::string first = store.append(store.noon());
  const std::string second = store.append(store.noon() + 1s);
  const WallTime before = store.noon() - 1h;
  CHECK(store.claimed(before + 1s) == first);
  CHECK(store.claimed(before + 2s) == second);
  CHECK(store.claimed(before + 3s) == "");
}

TEST_CASE("a delay lasts as long as it should, whatever the clock does") {
  BareStore store;
  const std::string id = store.append(store.noon());
  store.retry(*store.claim(store.noon()), store.noon(), 60s);
  const WallTime back = store.noon() - 1h;
  CHECK(store.claimed(back) == "");
  CHECK(store.claimed(back + 59s) == "");
  const auto job = store.claim(back + 60s);
  REQUIRE(job);
  CHECK(job->id == id);
  // A lease likewise.
  const WallTime further = back - 1h;
  CHECK(store.claimed(further) == "");
  CHECK(store.claimed(further + BareStore::kLease) == id);
}

TEST_CASE("a job released after the clock was put back is due at its time") {
  BareStore store;
  const std::string id = store.append(store.noon());
  const WallTime back = store.noon() - 1h;
  store.release(*store.claim(back), WallTime{});
  auto job = store.claim(back);
  REQUIRE(job);
  store.release(*job, back + 10s);
  CHECK(store.claimed(back + 9s) == "");
  CHECK(store.claimed(back + 10s) == id);
}

TEST_CASE("jobs from a time in the future are due after a restart too") {
  BareStore store;
  const std::string running = store.append(store.noon());
  REQUIRE(store.claim(store.noon()));
  const std::string waiting = store.append(store.noon() + 1s);
  store.open();
  const WallTime back = store.noon() - 1h;
  CHECK(store.claimed(back) == running);
  CHECK(store.claimed(back + 1s) == waiting);
}

TEST_CASE("a clock step that was not committed is followed by the next call") {
  BareStore store;
  const std::string id = store.append(store.noon());
  const WallTime back = store.noon() - 1h;
  store.store().begin();
  store.store().begin_change();
  sweep(store.store(), back);
  store.store().undo_change();
  store.store().commit();
  CHECK(store.claimed(back) == id);
}

TEST_CASE("clocks that differ a little are not a step") {
  BareStore store;
  store.retry((store.append(store.noon()), *store.claim(store.noon())), store.noon(), 10s);
  CHECK(store.claimed(store.noon() - 4s) == "");
  CHECK(store.claimed(store.noon() + 9s) == "");
  CHECK(store.claimed(store.noon() + 10s) != "");
}

TEST_CASE("a large append that takes longer than a step of the clock moves no lease and no back-off") {
  BareStore store;
  store.append(store.noon());
  const std::string waits = store.append(store.noon() + 1s);
  const auto runs = store.claim(store.noon() + 2s);
  const auto retried = store.claim(store.noon() + 2s);
  REQUIRE((runs && retried && retried->id == waits));
  store.retry(*retried, store.noon() + 3s, 60s);
  LargeAppend large(std::make_shared<JobDraft>(large_draft(store.home(), large_bytes(4 * kMiB))), store.noon() + 3s);
  for (int second = 4; second < 30; ++second) {
    store.change([&](SqliteStore& s) {
      large.step(s);
      return 0;
    });
    CHECK(store.claimed(store.noon() + std::chrono::seconds(second)) != runs->id);
  }
  CHECK(store.claimed(store.noon() + 31s) != waits);
}

TEST_CASE("what a sweep has left at the start is deleted at the latest time that is known") {
  BareStore store;
  const std::string first = store.append(store.noon());
  const auto job = store.claim(store.noon());
  REQUIRE(job);
  store.retry(*job, store.noon() + 1s, 60s);
  store.open();
  store.change([](SqliteStore& s) {
    sweep_late(s, s.sweep_state().swept_at);
    return 0;
  });
  CHECK(store.claimed(store.noon() + 50s) == "");
  CHECK(store.claimed(store.noon() + 62s) == first);
}

}  // namespace tidegate::jobs
