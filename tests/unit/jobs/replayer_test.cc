// The replayer in simulated time.
#include "unit/jobs/replay_rig.h"

namespace tidegate::jobs {

using policy::AttemptResult;

TEST_CASE("queued jobs are run and their answers stored, those of a past life and new ones") {
  Replay replay;
  const std::string old = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  const std::string fresh = replay.asker.append_new();
  replay.bed.pass(1s);
  for (const std::string& id : {old, fresh}) CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.count(JobEvent::replayed) == 2);
  CHECK(replay.count(JobEvent::succeeded) == 2);
  CHECK(replay.replayer->running() == 0);
}

TEST_CASE("an answer is the result, but for 408, 425, 429 and 5xx") {
  for (const int status : {200, 204, 302, 400, 404, 409, 422}) {
    Replay replay;
    replay.runner.script = {answered(static_cast<uint16_t>(status))};
    const std::string id = replay.asker.append_new();
    replay.start();
    replay.bed.pass(500ms);
    CHECK(replay.asker.status(id) == JobStatus::succeeded);
    CHECK(replay.asker.result(id)->status == status);
  }
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    Replay replay;
    replay.runner.script = {answered(static_cast<uint16_t>(status))};
    const std::string id = replay.asker.append_new();
    replay.start();
    replay.bed.pass(500ms);
    CHECK(replay.asker.status(id) == JobStatus::retrying);
    CHECK(replay.asker.find(id)->last_error == std::to_string(status));
  }
}

TEST_CASE("failed attempts back off and end in the dead letters, with their history") {
  Replay replay;
  replay.runner.script = {failed(AttemptResult::connect_failure), failed(AttemptResult::timeout), answered(503)};
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(900ms);
  CHECK(replay.runner.ran.size() == 1);
  replay.bed.pass(1s);  // after 1 s
  CHECK(replay.runner.ran.size() == 2);
  replay.bed.pass(3s);  // after 2 s more
  CHECK(replay.runner.ran.size() == 3);
  const auto record = replay.asker.find(id);
  CHECK(record->status == JobStatus::dead);
  REQUIRE(record->history.size() == 3);
  CHECK(record->history[0].error == "connect_failure");
  CHECK(record->history[1].error == "timeout");
  CHECK(record->history[2].error == "503");
  CHECK(replay.count(JobEvent::retried) == 2);
  CHECK(replay.count(JobEvent::dead) == 1);
  replay.bed.pass(600s);
  CHECK(replay.runner.ran.size() == 3);
}

TEST_CASE("the upstream's Retry-After is obeyed where it is later than the back-off") {
  Replay replay;
  RunResult busy = answered(503);
  busy.retry_after = 30s;
  replay.runner.script = {busy};
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(29s);
  CHECK(replay.asker.status(id) == JobStatus::retrying);
  replay.bed.pass(2s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("while the breaker is open nothing is claimed; when it is due one job is the probe, then it doubles") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  replay.open(breaker);
  replay.runner.takes = 1s;
  for (int i = 0; i < 40; ++i) replay.asker.append_new();
  replay.start();
  replay.bed.pass(29s);
  CHECK(replay.runner.ran.empty());
  replay.bed.pass(1800ms);
  CHECK(replay.runner.ran.size() == 1);
  CHECK(replay.state(breaker) == policy::BreakerState::half_open);
  replay.bed.pass(1s);
  CHECK(replay.state(breaker) == policy::BreakerState::closed);
  CHECK(replay.runner.running == 2);
  replay.bed.pass(1100ms);
  CHECK(replay.runner.running >= 4);
  CHECK(replay.runner.running <= 8);
  replay.bed.pass(20s);
  CHECK(replay.runner.running_max == 8);
  CHECK(replay.count(JobEvent::succeeded) == 40);
}

TEST_CASE("a breaker in shadow mode holds nothing back") {
  Replay replay;
  policy::BreakerConfig config;
  config.mode = policy::Mode::shadow;
  auto breaker = std::make_shared<policy::Breaker>("optimize", config, replay.bed.home().now(), 1);
  replay.runner.policies["optimize"].breaker = breaker;
  replay.open(*breaker);
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a failed probe opens the breaker again, and the job waits") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  replay.open(breaker);
  replay.runner.script = {failed(AttemptResult::timeout)};
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(31s);
  CHECK(replay.state(breaker) == policy::BreakerState::open);
  CHECK(replay.asker.find(id)->attempt == 1);
  replay.bed.pass(31s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.state(breaker) == policy::BreakerState::closed);
}

TEST_CASE("a job whose own breaker is open does not block another route's") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker("broken");
  replay.open(breaker);
  std::vector<std::string> broken, well;
  for (int i = 0; i < 5; ++i) {
    JobDraft draft = make_draft(replay.bed.home());
    draft.route = "broken";
    broken.push_back(draft.id);
    REQUIRE(replay.asker.append(draft).ok());
    well.push_back(replay.asker.append_new());
  }
  replay.start();
  replay.bed.pass(5s);
  for (const std::string& id : well) CHECK(replay.asker.status(id) == JobStatus::succeeded);
  for (const std::string& id : broken) CHECK(replay.asker.find(id)->attempt == 0);
  replay.bed.pass(40s);
  for (const std::string& id : broken) CHECK(replay.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("live traffic goes first: a job takes a slot only when there is one, and gives it back") {
  Replay replay;
  auto bulkhead = std::make_shared<policy::Bulkhead>("b", policy::BulkheadConfig{1, 10, 5s});
  replay.runner.policies["optimize"].bulkhead = bulkhead;
  auto live = bulkhead->acquire();
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(20s);
  CHECK(replay.runner.ran.empty());
  live.reset();
  replay.bed.pass(1s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.asker.find(id)->attempt == 1);
  CHECK(bulkhead->view().in_use == 0);
}

TEST_CASE("a run that takes longer than a lease keeps its job") {
  Replay replay;
  replay.runner.takes = 100s;
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(110s);
  CHECK(replay.runner.ran.size() == 1);
  CHECK(replay.asker.find(id)->attempt == 1);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a store that is away is asked again; the answer is not lost") {
  Replay replay;
  replay.runner.takes = 2s;
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  replay.bed.queue().set_faults({.fail = 1});
  replay.bed.pass(5s);
  replay.bed.queue().set_faults({});
  replay.bed.pass(2s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.runner.ran.size() == 1);
}

TEST_CASE("what our own side could not send is no attempt, and the breaker hears nothing") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  RunResult ours = failed(AttemptResult::reset);
  ours.upstreams_doing = false;
  for (int i = 0; i < 10; ++i) replay.runner.script.push_back(ours);
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(60s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.asker.find(id)->attempt == 1);
  CHECK(breaker.view(replay.bed.home().now()).failures == 0);
}

TEST_CASE("a job of a route that is gone waits for it") {
  Replay replay;
  JobDraft draft = make_draft(replay.bed.home());
  draft.route = "removed";
  REQUIRE(replay.asker.append(draft).ok());
  replay.start();
  replay.bed.pass(90s);
  CHECK(replay.asker.find(draft.id)->attempt == 0);
  replay.runner.policies["removed"] = {};
  replay.bed.pass(70s);
  CHECK(replay.asker.status(draft.id) == JobStatus::succeeded);
}

TEST_CASE("draining finishes what runs, gives back what waits, and claims nothing more") {
  Replay replay;
  replay.runner.takes = 5s;
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(replay.asker.append_new());
  replay.start();
  replay.bed.pass(6s);  // one has ended; two run
  CHECK(replay.replayer->running() == 2);
  bool drained = false;
  replay.replayer->drain([&] { drained = true; });
  CHECK(!drained);
  replay.bed.pass(6s);
  CHECK(drained);
  CHECK(replay.count(JobEvent::succeeded) == 3);
  CHECK(replay.asker.status(ids[3]) == JobStatus::queued);
  CHECK(replay.asker.find(ids[3])->attempt == 0);
}

TEST_CASE("a replayer destroyed in the middle leaves nothing behind; the job is run again later") {
  Replay replay;
  replay.runner.takes = 5s;
  const std::string id = replay.asker.append_new();
  replay.start();
  replay.bed.pass(2s);
  CHECK(replay.runner.running == 1);
  replay.replayer.reset();
  CHECK(replay.runner.running == 0);
  replay.start();
  replay.bed.pass(60s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.runner.ran.size() == 2);
}

TEST_CASE("expired jobs are counted, and the drain rate is what all lanes get through") {
  Replay replay;
  replay.config.concurrency = 1;
  JobDraft late = make_draft(replay.bed.home());
  late.expires_at = late.created_at + 1ms;
  REQUIRE(replay.asker.append(late).ok());
  replay.bed.pass(1s);
  for (int i = 0; i < 200; ++i) replay.asker.append_new();
  replay.runner.takes = 500ms;
  replay.start();
  CHECK(replay.replayer->drain_rate() == 0);
  replay.bed.pass(60s);
  CHECK(replay.count(JobEvent::expired) == 1);
  CHECK(replay.replayer->drain_rate() == doctest::Approx(2.0).epsilon(0.02));
}

}  // namespace tidegate::jobs
