// Jobs that fail one after the other: how far their runs are apart, and when one of them is a failed probe.
#include <set>

#include "unit/jobs/replay/live_traffic.h"

namespace tidegate::jobs {

using policy::AttemptResult;

TEST_CASE("jobs that fail again and again while live requests succeed do not open the breaker") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  const auto bad = append_some(fixture, 3);
  LiveTraffic live(fixture);
  live.every = 1s;
  fixture.start();
  fixture.bed.pass(10min);
  CHECK(live.refused == 0);
  CHECK(breaker.transitions() == 0);
  for (const std::string& id : bad) CHECK(fixture.asker.status(id) == JobStatus::dead);
}

TEST_CASE("an outage is seen by known bad jobs, too: their failed probes and connections count") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  append_some(fixture, 20);
  {
    const LiveTraffic live(fixture);
    fixture.start();
    fixture.bed.pass(25s);
  }
  const int dead = fixture.count(JobEvent::dead);
  SUBCASE("a probe") {
    fixture.open(breaker);
    const size_t before = fixture.runner.ran.size();
    fixture.bed.pass(breaker.config().open_for + 3s);
    CHECK(fixture.runner.ran.size() == before + 1);
  }
  SUBCASE("connections") {
    fixture.runner.respond = [](const ClaimedJob&) { return failed(AttemptResult::connect_failure); };
    fixture.bed.pass(10s);
  }
  CHECK(fixture.state(breaker) == policy::BreakerState::open);
  CHECK(fixture.count(JobEvent::dead) == dead);
}

TEST_CASE("from the third failure in a row that the breaker counts, a route's runs are a second apart") {
  Fixture fixture;
  fixture.config.backoff.base = 60s;  // no job fails again meanwhile, which the breaker would not count
  fixture.add_breaker();
  fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  append_some(fixture, 20);
  LiveTraffic live(fixture);  // keeps the breaker closed
  fixture.start();
  fixture.bed.pass(900ms);
  CHECK(fixture.runner.ran.size() == 3);
  fixture.bed.pass(5s);
  CHECK(fixture.runner.ran.size() >= 6);
  CHECK(fixture.runner.ran.size() <= 8);
  CHECK(live.refused == 0);
}

TEST_CASE("from the third failure in a row that the breaker does not count, a route's runs are 100 ms apart") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker("optimize", {"connect_failure", "503"});
  fixture.add_health();
  SUBCASE("a status") {
    fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  }
  SUBCASE("no response") {
    fixture.runner.respond = [](const ClaimedJob&) { return failed(AttemptResult::reset); };
  }
  const auto bad = append_some(fixture, 100);
  fixture.start();
  fixture.bed.pass(900ms);
  CHECK(fixture.runner.ran.size() >= 8);
  CHECK(fixture.runner.ran.size() <= 11);
  CHECK(fixture.state(breaker) == policy::BreakerState::closed);
  // Good ones that came after the bad do not wait for the bad ones' other attempts.
  const auto good = append_some(fixture, 100);
  fixture.runner.respond = [bad = std::set(bad.begin(), bad.end())](const ClaimedJob& job) {
    return responded(bad.contains(job.id) ? 500 : 200);
  };
  fixture.bed.pass(30s);
  for (const std::string& id : good) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("without a breaker the runs of failing jobs are not spread") {
  Fixture fixture;
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  append_some(fixture, 20);
  fixture.start();
  fixture.bed.pass(900ms);
  CHECK(fixture.runner.ran.size() >= 20);
}

TEST_CASE("a job's probe has failed where the breaker counts it, whatever that is for the job") {
  Fixture fixture;
  // The job has its result; for the breaker it is a failure, and so the next probe is a live request's.
  SUBCASE("a result that is a failure of the upstream") {
    policy::Breaker& breaker = fixture.add_breaker("optimize", {"404"});
    fixture.open(breaker);
    fixture.runner.script = {responded(404)};
    const auto ids = append_some(fixture, 2);
    fixture.start();
    const Duration round = breaker.config().open_for;
    fixture.bed.pass(round + 500ms);
    CHECK(fixture.asker.status(ids[0]) == JobStatus::succeeded);
    CHECK(fixture.state(breaker) == policy::BreakerState::open);
    fixture.bed.pass(round + 1s);
    CHECK(fixture.runner.ran.size() == 1);
    fixture.bed.pass(2s);
    CHECK(fixture.runner.ran.size() == 2);
  }
  // The job has failed; for the breaker the probe has not. When it opens again, a job is its probe.
  SUBCASE("a failure of the job alone") {
    policy::Breaker& breaker = fixture.add_breaker("optimize", {"503"});
    fixture.open(breaker);
    fixture.runner.script = {responded(500)};
    append_some(fixture, 1);
    fixture.start();
    fixture.bed.pass(breaker.config().open_for + 500ms);
    CHECK(fixture.state(breaker) == policy::BreakerState::closed);
    fixture.open(breaker);
    fixture.bed.pass(10s);
    CHECK(fixture.replayer->wants_probe());
  }
}

}  // namespace tidegate::jobs
