// The contract of jobs/job_queue.h, continued: deferrals.
#include "unit/jobs/contract/every_queue.h"

namespace tidegate::jobs {

namespace {

// Claims the one job, which is due.
template <typename Fixture>
ClaimedJob claim_when_due(Fixture& fixture, Asker<Fixture>& asker) {
  Result<std::optional<ClaimedJob>> job = std::optional<ClaimedJob>();
  fixture.run_until([&] {
    if (!job->has_value()) job = asker.try_claim();
    REQUIRE(job.ok());
    return job->has_value();
  });
  return std::move(**job);
}

}  // namespace

TEST_CASE_TEMPLATE("a deferral is no attempt: the job waits, and both numbers survive a restart", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  ClaimedJob job = asker.claim();
  CHECK(job.deferrals == 0);
  CHECK(job.attempted_at == WallTime{});
  REQUIRE(asker.defer(job, 1h, "503").ok());
  CHECK(asker.nothing_to_claim());
  CHECK(asker.succeed(job).error().code == ErrorCode::conflict);
  fixture.restart();
  const auto record = asker.find(id);
  REQUIRE(record.ok());
  CHECK(record->status == JobStatus::retrying);
  CHECK(record->attempt == 0);
  CHECK(record->deferrals == 1);
  CHECK(record->last_error == "503");
  REQUIRE(record->next_attempt_at);
  REQUIRE(record->history.size() == 1);
  CHECK(record->history[0].error == "503");
  CHECK(record->history[0].took == 5ms);
  CHECK(record->history[0].deferrals == 1);
  CHECK(asker.list({}).value().records.at(0).deferrals == 1);
}

TEST_CASE_TEMPLATE("a claim tells the deferrals so far, and when the attempt before has ended", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.defer(asker.claim(), Duration(0)).ok());
  ClaimedJob job = claim_when_due(fixture, asker);
  CHECK(job.attempt == 1);
  CHECK(job.deferrals == 1);
  CHECK(job.attempted_at == asker.find(id)->history.at(0).at + 5ms);
  REQUIRE(asker.retry(job, Duration(0)).ok());
  job = claim_when_due(fixture, asker);
  CHECK(job.attempt == 2);
  CHECK(job.deferrals == 1);
  CHECK(job.attempted_at == asker.find(id)->history.at(1).at + 5ms);
  REQUIRE(asker.dead_letter(job).ok());
  const WallTime asked_at = fixture.home().wall_now();
  REQUIRE(asker.replay(id).ok());  // it begins anew
  const WallTime replayed_at = fixture.home().wall_now();
  job = claim_when_due(fixture, asker);
  CHECK(job.attempt == 1);
  CHECK(job.deferrals == 0);
  CHECK(job.attempted_at >= asked_at - Fixture::kMoment);
  CHECK(job.attempted_at <= replayed_at + Fixture::kMoment);
}

TEST_CASE_TEMPLATE("equal deferrals in a row are one entry of the history, and the oldest of many are dropped", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.retry(asker.claim(), Duration(0), "reset").ok());
  for (int i = 0; i < 3; ++i) REQUIRE(asker.defer(claim_when_due(fixture, asker), Duration(0), "503").ok());
  REQUIRE(asker.defer(claim_when_due(fixture, asker), Duration(0), "connect_failure").ok());
  auto history = asker.find(id)->history;
  REQUIRE(history.size() == 3);
  CHECK(history[0].error == "reset");
  CHECK(history[0].deferrals == 0);
  CHECK(history[1].error == "503");
  CHECK(history[1].deferrals == 3);
  CHECK(history[2].error == "connect_failure");
  CHECK(history[2].deferrals == 1);
  for (int i = 0; i < JobQueue::kDeferralsKept; ++i) {
    REQUIRE(asker.defer(claim_when_due(fixture, asker), Duration(0), i % 2 == 0 ? "503" : "timeout").ok());
  }
  const auto record = asker.find(id);
  CHECK(record->attempt == 1);
  CHECK(record->deferrals == 4 + JobQueue::kDeferralsKept);
  history = record->history;
  REQUIRE(history.size() == 1 + static_cast<size_t>(JobQueue::kDeferralsKept));
  CHECK(history[0].error == "reset");  // what counts is never dropped
  CHECK(history[1].error == "503");
  CHECK(history[1].deferrals == 1);
  CHECK(history.back().error == "timeout");
}

TEST_CASE_TEMPLATE("attempts that ended with the process do not count once the job has been deferred", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  asker.claim(1h);
  fixture.restart();
  const ClaimedJob job = claim_when_due(fixture, asker);
  CHECK(job.attempt == 2);
  CHECK(job.attempted_at > WallTime{});
  REQUIRE(asker.defer(job, Duration(0)).ok());
  CHECK(asker.find(id)->attempt == 0);
  CHECK(claim_when_due(fixture, asker).attempt == 1);
}

}  // namespace tidegate::jobs
