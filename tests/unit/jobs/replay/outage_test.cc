// Outages and bad jobs: an outage of any length ends no job, and a job that fails while others succeed ends.
#include <set>

#include "unit/jobs/replay/live_traffic.h"

namespace tidegate::jobs {

using policy::AttemptResult;

TEST_CASE("an outage of any length ends no job, and costs none an attempt") {
  for (const Duration outage : {Duration(20s), Duration(10min), Duration(std::chrono::hours(23))}) {
    CAPTURE(to_seconds(outage));
    Fixture fixture;
    fixture.add_breaker();
    fixture.add_health();
    bool down = true;
    fixture.runner.respond = [&](const ClaimedJob&) { return responded(down ? 503 : 200); };
    const auto ids = append_some(fixture, 20);
    fixture.start();
    fixture.bed.pass(outage);
    for (const std::string& id : ids) CHECK(!is_final(fixture.asker.status(id)));
    down = false;
    fixture.bed.pass(5min);
    for (const std::string& id : ids) {
      const auto record = fixture.asker.find(id);
      CHECK(record->status == JobStatus::succeeded);
      CHECK(record->attempt == 1);
    }
    CHECK(fixture.count(JobEvent::dead) + fixture.count(JobEvent::retried) == 0);
    CHECK(fixture.count(JobEvent::deferred) > 0);
  }
}

TEST_CASE("restarts in an outage cost no job an attempt, though the breaker begins closed") {
  Fixture fixture;
  bool down = true;
  fixture.runner.respond = [&](const ClaimedJob&) { return responded(down ? 503 : 200); };
  const auto ids = append_some(fixture, 8);
  for (int life = 0; life < 20; ++life) {
    fixture.add_breaker();
    fixture.add_health();
    fixture.start();
    fixture.bed.pass(47s);
    fixture.bed.queue().crash();
    fixture.replayer.reset();
  }
  fixture.add_breaker();
  fixture.add_health();
  down = false;
  fixture.start();
  fixture.bed.pass(3min);
  for (const std::string& id : ids) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.count(JobEvent::dead) == 0);
}

TEST_CASE("five failures against a healthy upstream, and the job is a dead letter with its history") {
  Fixture fixture;
  fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  const std::string id = append_some(fixture, 1)[0];
  LiveTraffic live(fixture);
  fixture.start();
  fixture.bed.pass(1s + 2s + 4s + 8s + 5s);
  const auto record = fixture.asker.find(id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->attempt == 5);
  CHECK(record->deferrals == 0);
  REQUIRE(record->history.size() == 5);
  for (const AttemptRecord& attempt : record->history) CHECK(attempt.error == "500");
}

TEST_CASE("a job that fails on an upstream that nobody else calls is deferred until it expires") {
  Fixture fixture;
  fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  const std::string id = append_some(fixture, 1, std::chrono::hours(6))[0];
  fixture.start();
  fixture.bed.pass(std::chrono::hours(5));
  auto record = fixture.asker.find(id);
  CHECK(record->status == JobStatus::retrying);
  CHECK(record->attempt == 0);
  CHECK(record->deferrals > 250);  // one a minute, the back-off's maximum
  REQUIRE(record->history.size() == 1);
  CHECK(record->history[0].deferrals == record->deferrals);
  fixture.bed.pass(std::chrono::hours(2));
  CHECK(fixture.asker.status(id) == JobStatus::expired);
  CHECK(fixture.count(JobEvent::expired) == 1);
}

TEST_CASE("one success is one counted attempt of each failing job, not more") {
  Fixture fixture;
  policy::UpstreamHealth& health = fixture.add_health();
  fixture.runner.respond = [](const ClaimedJob&) { return responded(500); };
  const std::string id = append_some(fixture, 1)[0];
  fixture.start();
  fixture.bed.pass(500ms);
  CHECK(fixture.asker.find(id)->deferrals == 1);
  health.note(AttemptResult::response, 200, fixture.bed.home().now());
  fixture.bed.pass(10min);
  CHECK(fixture.asker.find(id)->attempt == 1);
  CHECK(fixture.asker.find(id)->deferrals > 5);
}

TEST_CASE("ten bad jobs and a hundred good ones: the breaker closes, the good succeed, the bad are dead") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.add_health();
  fixture.open(breaker);
  const auto bad = append_some(fixture, 10);  // they come first
  const auto good = append_some(fixture, 100);
  const std::set<std::string> fail(bad.begin(), bad.end());
  fixture.runner.respond = [&](const ClaimedJob& job) {
    return fail.contains(job.id) ? failed(AttemptResult::reset) : responded(200);
  };
  SUBCASE("with live requests: the second probe is one of theirs, and ends it") {
    LiveTraffic live(fixture);
    fixture.start();
    fixture.bed.pass(breaker.config().open_for * 2 + 1s);
    CHECK(fixture.state(breaker) == policy::BreakerState::closed);
    CHECK(fixture.runner.ran.size() >= 1);
    CHECK(live.probes == 1);
    fixture.bed.pass(10min);
    for (const std::string& id : good) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
    for (const std::string& id : bad) {
      const auto record = fixture.asker.find(id);
      CHECK(record->status == JobStatus::dead);
      CHECK(record->attempt == 5);
    }
    CHECK(live.served > 4 * live.refused);
  }
  SUBCASE("without: a few bad jobs are probes before a good one is") {
    fixture.start();
    fixture.bed.pass((breaker.config().open_for + 3s) * 5);
    CHECK(fixture.count(JobEvent::succeeded) > 0);
    fixture.bed.pass(10min);
    for (const std::string& id : good) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  }
}

TEST_CASE("a success that began before the outage blames no job") {
  Fixture fixture;
  policy::UpstreamHealth& health = fixture.add_health();
  const Time before = fixture.bed.home().now();
  fixture.runner.respond = [](const ClaimedJob&) { return failed(AttemptResult::connect_failure); };
  const std::string id = append_some(fixture, 1)[0];
  fixture.start();
  for (int ended = 0; ended < 10; ++ended) {  // long calls that the upstream still finishes
    health.note(AttemptResult::response, 200, before);
    fixture.bed.pass(5s);
  }
  CHECK(fixture.asker.find(id)->attempt == 0);
  CHECK(fixture.asker.find(id)->deferrals > 3);
}

TEST_CASE("after a job's failed probe the next is a live request's, and then a job's again") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.open(breaker);
  fixture.runner.respond = [](const ClaimedJob&) { return responded(503); };
  append_some(fixture, 3);
  const Duration round = breaker.config().open_for;
  LiveTraffic live(fixture);
  live.down = true;
  fixture.start();
  fixture.bed.pass(round + 1s);
  CHECK(fixture.runner.ran.size() == 1);
  CHECK(live.probes == 0);
  fixture.bed.pass(round);
  CHECK(fixture.runner.ran.size() == 1);
  CHECK(live.probes == 1);
  fixture.bed.pass(round + 1s);
  CHECK(fixture.runner.ran.size() == 2);
  CHECK(live.probes == 1);
}

TEST_CASE("where no live request comes, the next job is the probe") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.open(breaker);
  fixture.runner.script = {responded(503)};
  const auto ids = append_some(fixture, 2);
  fixture.start();
  fixture.bed.pass(2 * breaker.config().open_for + 5s);
  REQUIRE(fixture.runner.ran.size() >= 2);
  CHECK(fixture.runner.ran[0] == ids[0]);
  CHECK(fixture.runner.ran[1] == ids[1]);
  CHECK(fixture.state(breaker) == policy::BreakerState::closed);
}

}  // namespace tidegate::jobs
