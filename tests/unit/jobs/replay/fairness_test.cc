// The replayer with live traffic, with other routes, and with jobs that end the process that runs them.
#include "unit/jobs/replay/replay_fixture.h"

namespace tidegate::jobs {

using policy::AttemptResult;

namespace {

std::string append_for(Fixture& fixture, const std::string& route) {
  JobDraft draft = make_draft(fixture.bed.home());
  draft.route = route;
  REQUIRE(fixture.asker.append(draft).ok());
  return draft.id;
}

}  // namespace

TEST_CASE("the runs at once double when as many have succeeded, and a failed run makes it one again") {
  Fixture fixture;
  fixture.runner.takes = 1s;
  for (int i = 0; i < 60; ++i) fixture.asker.append_new();
  for (int i = 0; i < 7; ++i) fixture.runner.script.push_back(responded(200));
  fixture.runner.script.push_back(responded(500));
  fixture.start();
  for (const int runs : {1, 2, 4}) {
    fixture.bed.pass(500ms);
    CHECK(fixture.runner.running == runs);
    fixture.bed.pass(600ms);
  }
  REQUIRE(fixture.runner.running == 8);
  fixture.bed.pass(400ms);
  CHECK(fixture.runner.running == 8);
  fixture.bed.pass(600ms);  // the first of the eight has failed, the seven others have succeeded
  CHECK(fixture.count(JobEvent::retried) == 1);
  CHECK(fixture.count(JobEvent::succeeded) == 14);
  CHECK(fixture.runner.running == 1);
  fixture.bed.pass(30s);
  CHECK(fixture.count(JobEvent::succeeded) == 60);
}

TEST_CASE("a breaker that wants three probes gets three jobs") {
  Fixture fixture;
  policy::BreakerConfig config;
  config.failures = *policy::Conditions::of({"5xx"});
  config.half_open_requests = 3;
  auto breaker = std::make_shared<policy::Breaker>("optimize", config, fixture.bed.home().now(), 1);
  fixture.runner.policies["optimize"].breaker = breaker;
  fixture.open(*breaker);
  for (int i = 0; i < 5; ++i) fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(60s);
  CHECK(fixture.state(*breaker) == policy::BreakerState::closed);
  CHECK(fixture.count(JobEvent::succeeded) == 5);
}

TEST_CASE("a long backlog of a refused route does not keep another route's job waiting") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker("broken");
  fixture.open(breaker);
  std::vector<std::string> broken;
  for (int i = 0; i < 2000; ++i) broken.push_back(append_for(fixture, "broken"));
  const std::string healthy = fixture.asker.append_new();
  fixture.open(breaker);  // from now
  fixture.start();
  Duration waited{};
  for (; fixture.asker.status(healthy) != JobStatus::succeeded && waited < 20s; waited += 100ms)
    fixture.bed.pass(100ms);
  CHECK(fixture.asker.status(healthy) == JobStatus::succeeded);
  // One claim and one give-back a job, one after the other, would be 4000 commits of the store; batches share them.
  CHECK(waited < 10s);
  for (const std::string& id : {broken.front(), broken.back()}) CHECK(fixture.asker.find(id)->attempt == 0);
}

TEST_CASE("a 503 with Retry-After holds back the other jobs of its route, and not those of another") {
  Fixture fixture;
  fixture.runner.policies["other"] = {};
  RunResult busy = responded(503);
  busy.retry_after = 30s;
  fixture.runner.script = {busy};
  const std::string first = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  REQUIRE(fixture.asker.status(first) == JobStatus::retrying);
  const std::string second = fixture.asker.append_new();
  const std::string other = append_for(fixture, "other");
  fixture.bed.pass(5s);
  CHECK(fixture.asker.status(other) == JobStatus::succeeded);
  CHECK(fixture.asker.find(second)->attempt == 0);
  fixture.bed.pass(40s);
  CHECK(fixture.asker.status(first) == JobStatus::succeeded);
  CHECK(fixture.asker.status(second) == JobStatus::succeeded);
}

TEST_CASE("a Retry-After of a day delays its own job for a day, the route for a minute") {
  Fixture fixture;
  RunResult busy = responded(429);
  busy.retry_after = std::chrono::hours(20);
  fixture.runner.script = {busy};
  const std::string first = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  const std::string second = fixture.asker.append_new();
  fixture.bed.pass(kRouteHoldMax + 5s);
  CHECK(fixture.asker.status(first) == JobStatus::retrying);
  CHECK(fixture.asker.status(second) == JobStatus::succeeded);
}

TEST_CASE("a job whose runs end with the process is dead when its attempts are over, with its history") {
  Fixture fixture;
  fixture.runner.takes = 100s;
  JobDraft draft = make_draft(fixture.bed.home());
  draft.max_attempts = 3;
  REQUIRE(fixture.asker.append(draft).ok());
  for (int life = 0; life < 3; ++life) {
    fixture.start();
    fixture.bed.pass(2s);
    CHECK(fixture.runner.running == 1);
    fixture.bed.queue().crash();
    fixture.replayer.reset();
  }
  fixture.start();
  fixture.bed.pass(2s);
  CHECK(fixture.runner.ran.size() == 3);
  const auto record = fixture.asker.find(draft.id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->last_error == "attempts_exhausted");
  REQUIRE(record->history.size() == 4);
  for (int i = 0; i < 3; ++i) CHECK(record->history[static_cast<size_t>(i)].error == "process_ended");
  CHECK(fixture.count(JobEvent::dead) == 1);
  CHECK(fixture.replayer->drain_rate() == 0);  // it says nothing about the pace
}

TEST_CASE("dead jobs that an operator replays at once are run at the replayer's pace") {
  Fixture fixture;
  fixture.config.concurrency = 3;
  fixture.runner.takes = 1s;
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    JobDraft draft = make_draft(fixture.bed.home());
    draft.max_attempts = 1;
    REQUIRE(fixture.asker.append(draft).ok());
    ids.push_back(draft.id);
    fixture.runner.script.push_back(responded(500));
  }
  fixture.start();
  fixture.bed.pass(200s);
  REQUIRE(fixture.count(JobEvent::dead) == 40);
  fixture.runner.running_max = 0;
  for (const std::string& id : ids) REQUIRE(fixture.asker.replay(id).ok());
  fixture.bed.pass(60s);
  CHECK(fixture.runner.running_max == 3);
  CHECK(fixture.count(JobEvent::succeeded) == 40);
}

TEST_CASE_TEMPLATE("a job whose claim nobody waited for is reported as work again", Bed, SimFixture) {
  Bed bed;
  Asker<Bed> asker(bed);
  asker.append_new();
  bed.pass(Bed::kMoment);  // the append has been announced
  int announced = 0;
  bed.queue().on_work(bed.home(), [&] { ++announced; });
  auto operation = bed.queue().claim(bed.home(), 1h, [](auto) { FAIL("not silent"); });
  bed.let_store_work();
  operation.reset();
  bed.run_until([&] { return announced > 0; });
  CHECK(asker.claim().attempt == 1);
  bed.queue().on_work(bed.home(), {});
}

}  // namespace tidegate::jobs
