// The store alone, without its thread, at times that the test names: changes as the store's thread makes them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "jobs/sqlite/operations.h"
#include "net/sim/sim_runtime.h"
#include "unit/jobs/sqlite/chunk_fixture.h"

namespace tidegate::jobs {

class BareStore {
 public:
  static constexpr Duration kLease = std::chrono::seconds(30);

  explicit BareStore(uint64_t body_file_min = SqliteOptions{}.body_file_min) : body_file_min_(body_file_min) {
    log_configure(LogLevel::off, LogFormat::text);
    open();
  }
  ~BareStore() { log_configure(LogLevel::info, LogFormat::text); }

  void open() {
    store_.reset();
    SqliteFindings findings;
    auto opened =
        SqliteStore::open({.path = path(), .limits = limits, .body_file_min = body_file_min_}, true, findings);
    REQUIRE(opened.ok());
    store_ = std::move(*opened);
  }

  QueueLimits limits;  // from the next opening on

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
  std::string path() const { return folder_.file("jobs.db"); }
  net::Runtime& home() { return home_; }
  WallTime noon() { return noon_; }

 private:
  const uint64_t body_file_min_;
  TestFolder folder_;
  net::SimRuntime home_{1};
  const WallTime noon_ = WallTime(std::chrono::hours(24 * 365 * 50));
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace tidegate::jobs
