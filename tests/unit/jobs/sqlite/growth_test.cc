// A store with many jobs: neither a call nor the housekeeping reads through them.
#include "unit/jobs/sqlite/bare_store.h"

namespace tidegate::jobs {

namespace {

class CrowdedStore {
 public:
  // So many jobs of each kind: whose results have been deleted, with a result, dead, waiting for a retry, queued.
  explicit CrowdedStore(int jobs) {
    change([&](SqliteStore& store) {
      for (int i = 0; i < jobs; ++i) succeed(store, claim(store, append(store)));
    });
    now_ += 30h;
    for (int deleted = 0; deleted <= jobs; deleted += 200) change([&](SqliteStore& store) { sweep_next(store); });
    change([&](SqliteStore& store) {
      for (int i = 0; i < jobs; ++i) succeed(store, claim(store, append(store)));
      for (int i = 0; i < jobs; ++i) {
        REQUIRE(dead_letter_job(store, claim(store, append(store)), {now_, 1ms, "500"}, now_).ok());
      }
      for (int i = 0; i < jobs; ++i) {
        REQUIRE(retry_job(store, claim(store, append(store)), {now_, 1ms, "503"}, now_ + 1h).ok());
      }
      for (int i = 0; i < jobs; ++i) append(store);
    });
  }

  // Steps of SQLite's virtual machine, which are its work whatever the machine, for the way of one job through the
  // store, with a look at the store and its housekeeping.
  uint64_t steps_of_a_job() {
    take_steps();
    change([&](SqliteStore& store) {
      sweep_next(store);
      append(store);
      REQUIRE(defer_job(store, claim_any(store), {now_, 1ms, "503"}, now_ + 1h).ok());
      REQUIRE(retry_job(store, claim_any(store), {now_, 1ms, "503"}, now_ + 1h).ok());
      REQUIRE(release_job(store, claim_any(store), WallTime{}).ok());
      const ClaimedJob job = claim_any(store);
      REQUIRE(renew_claim(store, job, BareStore::kLease, now_).ok());
      succeed(store, job);
      static_cast<void>(store.view());
    });
    return take_steps();
  }

 private:
  template <typename Change>
  void change(Change work) {
    store_.change([&](SqliteStore& store) {
      work(store);
      return Ok{};
    });
  }
  void sweep_next(SqliteStore& store) {
    now_ += 2s;
    sweep(store, now_);
  }
  std::string append(SqliteStore& store) {
    JobDraft draft = make_draft(store_.home());
    draft.created_at = now_;
    draft.expires_at = now_ + 24h * 30;
    REQUIRE(append_job(store, draft, now_).ok());
    return draft.id;
  }
  ClaimedJob claim(SqliteStore& store, const std::string& id) {
    auto job = claim_job_by_id(store, id, BareStore::kLease, now_);
    REQUIRE(job.ok());
    return std::move(*job);
  }
  ClaimedJob claim_any(SqliteStore& store) {
    auto job = claim_job(store, BareStore::kLease, now_);
    REQUIRE((job.ok() && job->has_value()));
    return std::move(**job);
  }
  void succeed(SqliteStore& store, const ClaimedJob& job) {
    REQUIRE(succeed_job(store, job, {now_, 1ms, ""}, {200, {}, {"good", nullptr}}, now_).ok());
  }
  uint64_t take_steps() {
    sqlite3* db = store_.store().db().handle();
    uint64_t steps = 0;
    for (sqlite3_stmt* s = sqlite3_next_stmt(db, nullptr); s; s = sqlite3_next_stmt(db, s)) {
      steps += static_cast<uint64_t>(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 1));
    }
    return steps;
  }

  BareStore store_;
  WallTime now_ = store_.noon();
};

}  // namespace

TEST_CASE("what a job costs the store does not grow with the jobs that there are") {
  CrowdedStore few(10);
  CrowdedStore many(1000);
  const uint64_t among_few = few.steps_of_a_job();
  CHECK(among_few > 100);
  CHECK(many.steps_of_a_job() <= among_few + among_few / 10);
}

}  // namespace tidegate::jobs
