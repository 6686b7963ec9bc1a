// The replayer beside live traffic, beside other routes, and with jobs that harm whoever runs them.
#include "unit/jobs/replay_rig.h"

namespace tidegate::jobs {

using policy::AttemptResult;

namespace {

std::string append_for(Replay& replay, const std::string& route) {
  JobDraft draft = make_draft(replay.bed.home());
  draft.route = route;
  REQUIRE(replay.asker.append(draft).ok());
  return draft.id;
}

}  // namespace

TEST_CASE("lanes double when as many runs have succeeded, and a failed run makes it one again") {
  Replay replay;
  replay.runner.takes = 1s;
  for (int i = 0; i < 60; ++i) replay.asker.append_new();
  for (int i = 0; i < 7; ++i) replay.runner.script.push_back(answered(200));
  replay.runner.script.push_back(answered(500));
  replay.start();
  for (const int lanes : {1, 2, 4}) {
    replay.bed.pass(500ms);
    CHECK(replay.runner.running == lanes);
    replay.bed.pass(600ms);
  }
  REQUIRE(replay.runner.running == 8);
  replay.bed.pass(400ms);
  CHECK(replay.runner.running == 8);
  replay.bed.pass(600ms);  // the first of the eight has failed, the seven others have succeeded
  CHECK(replay.count(JobEvent::retried) == 1);
  CHECK(replay.count(JobEvent::succeeded) == 14);
  CHECK(replay.runner.running == 1);
  replay.bed.pass(30s);
  CHECK(replay.count(JobEvent::succeeded) == 60);
}

TEST_CASE("a breaker that wants three probes gets three jobs") {
  Replay replay;
  policy::BreakerConfig config;
  config.failures = *policy::Conditions::of({"5xx"});
  config.half_open_requests = 3;
  auto breaker = std::make_shared<policy::Breaker>("optimize", config, replay.bed.home().now(), 1);
  replay.runner.policies["optimize"].breaker = breaker;
  replay.open(*breaker);
  for (int i = 0; i < 5; ++i) replay.asker.append_new();
  replay.start();
  replay.bed.pass(60s);
  CHECK(replay.state(*breaker) == policy::BreakerState::closed);
  CHECK(replay.count(JobEvent::succeeded) == 5);
}

TEST_CASE("a long backlog of a refused route does not keep another route's job waiting") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker("broken");
  replay.open(breaker);
  std::vector<std::string> broken;
  for (int i = 0; i < 2000; ++i) broken.push_back(append_for(replay, "broken"));
  const std::string well = replay.asker.append_new();
  replay.open(breaker);  // from now
  replay.start();
  Duration waited{};
  for (; replay.asker.status(well) != JobStatus::succeeded && waited < 20s; waited += 100ms) replay.bed.pass(100ms);
  CHECK(replay.asker.status(well) == JobStatus::succeeded);
  // One claim and one give-back a job, one after the other, would be 4000 turns of the store; waves share them.
  CHECK(waited < 10s);
  for (const std::string& id : {broken.front(), broken.back()}) CHECK(replay.asker.find(id)->attempt == 0);
}

TEST_CASE("a 503 with Retry-After holds back the other jobs of its route, and not those of another") {
  Replay replay;
  replay.runner.policies["other"] = {};
  RunResult busy = answered(503);
  busy.retry_after = 30s;
  replay.runner.script = {busy};
  const std::string first = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  REQUIRE(replay.asker.status(first) == JobStatus::retrying);
  const std::string second = replay.asker.append_new();
  const std::string other = append_for(replay, "other");
  replay.bed.pass(5s);
  CHECK(replay.asker.status(other) == JobStatus::succeeded);
  CHECK(replay.asker.find(second)->attempt == 0);
  replay.bed.pass(40s);
  CHECK(replay.asker.status(first) == JobStatus::succeeded);
  CHECK(replay.asker.status(second) == JobStatus::succeeded);
}

TEST_CASE("a Retry-After of a day delays its own job for a day, the route for a minute") {
  Replay replay;
  RunResult busy = answered(429);
  busy.retry_after = std::chrono::hours(20);
  replay.runner.script = {busy};
  const std::string first = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  const std::string second = replay.asker.append_new();
  replay.bed.pass(Replayer::kHoldMax + 5s);
  CHECK(replay.asker.status(first) == JobStatus::retrying);
  CHECK(replay.asker.status(second) == JobStatus::succeeded);
}

TEST_CASE("a job whose runs end with the process is buried when its attempts are over, with its history") {
  Replay replay;
  replay.runner.takes = 100s;
  JobDraft draft = make_draft(replay.bed.home());
  draft.max_attempts = 3;
  REQUIRE(replay.asker.append(draft).ok());
  for (int life = 0; life < 3; ++life) {
    replay.start();
    replay.bed.pass(2s);
    CHECK(replay.runner.running == 1);
    replay.bed.queue().crash();
    replay.replayer.reset();
  }
  replay.start();
  replay.bed.pass(2s);
  CHECK(replay.runner.ran.size() == 3);
  const auto record = replay.asker.find(draft.id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->last_error == "attempts_exhausted");
  REQUIRE(record->history.size() == 4);
  for (int i = 0; i < 3; ++i) CHECK(record->history[static_cast<size_t>(i)].error == "process_ended");
  CHECK(replay.count(JobEvent::dead) == 1);
  CHECK(replay.replayer->drain_rate() == 0);  // it says nothing about the pace
}

TEST_CASE("dead jobs that an operator replays at once are run at the replayer's pace") {
  Replay replay;
  replay.config.concurrency = 3;
  replay.runner.takes = 1s;
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    JobDraft draft = make_draft(replay.bed.home());
    draft.max_attempts = 1;
    REQUIRE(replay.asker.append(draft).ok());
    ids.push_back(draft.id);
    replay.runner.script.push_back(answered(500));
  }
  replay.start();
  replay.bed.pass(200s);
  REQUIRE(replay.count(JobEvent::dead) == 40);
  replay.runner.running_max = 0;
  for (const std::string& id : ids) REQUIRE(replay.asker.replay(id).ok());
  replay.bed.pass(60s);
  CHECK(replay.runner.running_max == 3);
  CHECK(replay.count(JobEvent::succeeded) == 40);
}

TEST_CASE_TEMPLATE("a job whose claim nobody waited for is announced as work again", Bed, SimFixture) {
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
