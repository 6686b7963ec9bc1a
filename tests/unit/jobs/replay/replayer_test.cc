// The replayer in simulated time.
#include "unit/jobs/replay/replay_fixture.h"

namespace tidegate::jobs {

using policy::AttemptResult;

TEST_CASE("queued jobs are run and their responses stored, those of an earlier process and new ones") {
  Fixture fixture;
  const std::string old = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  const std::string fresh = fixture.asker.append_new();
  fixture.bed.pass(1s);
  for (const std::string& id : {old, fresh}) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.count(JobEvent::replayed) == 2);
  CHECK(fixture.count(JobEvent::succeeded) == 2);
  CHECK(fixture.replayer->running() == 0);
}

TEST_CASE("a response is the result, but for 408, 425, 429 and 5xx") {
  for (const int status : {200, 204, 302, 400, 404, 409, 422}) {
    Fixture fixture;
    fixture.runner.script = {responded(static_cast<uint16_t>(status))};
    const std::string id = fixture.asker.append_new();
    fixture.start();
    fixture.bed.pass(500ms);
    CHECK(fixture.asker.status(id) == JobStatus::succeeded);
    CHECK(fixture.asker.result(id)->status == status);
  }
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    Fixture fixture;
    fixture.runner.script = {responded(static_cast<uint16_t>(status))};
    const std::string id = fixture.asker.append_new();
    fixture.start();
    fixture.bed.pass(500ms);
    CHECK(fixture.asker.status(id) == JobStatus::retrying);
    CHECK(fixture.asker.find(id)->last_error == std::to_string(status));
  }
}

TEST_CASE("failed attempts back off and end in the dead letters, with their history") {
  Fixture fixture;
  fixture.runner.script = {failed(AttemptResult::connect_failure), failed(AttemptResult::timeout), responded(503)};
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(900ms);
  CHECK(fixture.runner.ran.size() == 1);
  fixture.bed.pass(1s);  // after 1 s
  CHECK(fixture.runner.ran.size() == 2);
  fixture.bed.pass(3s);  // after 2 s more
  CHECK(fixture.runner.ran.size() == 3);
  const auto record = fixture.asker.find(id);
  CHECK(record->status == JobStatus::dead);
  REQUIRE(record->history.size() == 3);
  CHECK(record->history[0].error == "connect_failure");
  CHECK(record->history[1].error == "timeout");
  CHECK(record->history[2].error == "503");
  CHECK(fixture.count(JobEvent::retried) == 2);
  CHECK(fixture.count(JobEvent::dead) == 1);
  fixture.bed.pass(600s);
  CHECK(fixture.runner.ran.size() == 3);
}

TEST_CASE("the upstream's Retry-After is followed where it is later than the back-off") {
  Fixture fixture;
  RunResult busy = responded(503);
  busy.retry_after = 30s;
  fixture.runner.script = {busy};
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(29s);
  CHECK(fixture.asker.status(id) == JobStatus::retrying);
  fixture.bed.pass(2s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("while the breaker is open nothing is claimed; when it is due one job is the probe, then the runs double") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.open(breaker);
  fixture.runner.takes = 1s;
  for (int i = 0; i < 40; ++i) fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(29s);
  CHECK(fixture.runner.ran.empty());
  fixture.bed.pass(1800ms);
  CHECK(fixture.runner.ran.size() == 1);
  CHECK(fixture.state(breaker) == policy::BreakerState::half_open);
  fixture.bed.pass(1s);
  CHECK(fixture.state(breaker) == policy::BreakerState::closed);
  CHECK(fixture.runner.running == 2);
  fixture.bed.pass(1100ms);
  CHECK(fixture.runner.running >= 4);
  CHECK(fixture.runner.running <= 8);
  fixture.bed.pass(20s);
  CHECK(fixture.runner.running_max == 8);
  CHECK(fixture.count(JobEvent::succeeded) == 40);
}

TEST_CASE("a breaker in shadow mode holds nothing back") {
  Fixture fixture;
  policy::BreakerConfig config;
  config.mode = policy::Mode::shadow;
  auto breaker = std::make_shared<policy::Breaker>("optimize", config, fixture.bed.home().now(), 1);
  fixture.runner.policies["optimize"].breaker = breaker;
  fixture.open(*breaker);
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a failed probe opens the breaker again, and the job waits") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.open(breaker);
  fixture.runner.script = {failed(AttemptResult::timeout)};
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(31s);
  CHECK(fixture.state(breaker) == policy::BreakerState::open);
  CHECK(fixture.asker.find(id)->attempt == 1);
  fixture.bed.pass(33s);  // two seconds were a live request's to be the probe
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.state(breaker) == policy::BreakerState::closed);
}

TEST_CASE("a job whose own breaker is open does not block another route's") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker("broken");
  fixture.open(breaker);
  std::vector<std::string> broken, healthy;
  for (int i = 0; i < 5; ++i) {
    JobDraft draft = make_draft(fixture.bed.home());
    draft.route = "broken";
    broken.push_back(draft.id);
    REQUIRE(fixture.asker.append(draft).ok());
    healthy.push_back(fixture.asker.append_new());
  }
  fixture.start();
  fixture.bed.pass(5s);
  for (const std::string& id : healthy) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  for (const std::string& id : broken) CHECK(fixture.asker.find(id)->attempt == 0);
  fixture.bed.pass(40s);
  for (const std::string& id : broken) CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("live traffic goes first: a job takes a slot only when there is one, and gives it back") {
  Fixture fixture;
  auto bulkhead = std::make_shared<policy::Bulkhead>("b", policy::BulkheadConfig{1, 10, 5s});
  fixture.runner.policies["optimize"].bulkhead = bulkhead;
  auto live = bulkhead->acquire();
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(20s);
  CHECK(fixture.runner.ran.empty());
  live.reset();
  fixture.bed.pass(1s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.asker.find(id)->attempt == 1);
  CHECK(bulkhead->view().in_use == 0);
}

TEST_CASE("a run that takes longer than a lease keeps its job") {
  Fixture fixture;
  fixture.runner.takes = 100s;
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(110s);
  CHECK(fixture.runner.ran.size() == 1);
  CHECK(fixture.asker.find(id)->attempt == 1);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a store that is unavailable is called again; the response is not lost") {
  Fixture fixture;
  fixture.runner.takes = 2s;
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  fixture.bed.queue().set_faults({.fail = 1});
  fixture.bed.pass(5s);
  fixture.bed.queue().set_faults({});
  fixture.bed.pass(2s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.runner.ran.size() == 1);
}

TEST_CASE("what our own side could not send is no attempt, and the breaker counts nothing") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  RunResult ours = failed(AttemptResult::reset);
  ours.own_failure = true;
  for (int i = 0; i < 10; ++i) fixture.runner.script.push_back(ours);
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(60s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.asker.find(id)->attempt == 1);
  CHECK(breaker.view(fixture.bed.home().now()).failures == 0);
}

TEST_CASE("a job of a route that is gone waits for it") {
  Fixture fixture;
  JobDraft draft = make_draft(fixture.bed.home());
  draft.route = "removed";
  REQUIRE(fixture.asker.append(draft).ok());
  fixture.start();
  fixture.bed.pass(90s);
  CHECK(fixture.asker.find(draft.id)->attempt == 0);
  fixture.runner.policies["removed"] = {};
  fixture.bed.pass(70s);
  CHECK(fixture.asker.status(draft.id) == JobStatus::succeeded);
}

TEST_CASE("draining finishes what runs, gives back what waits, and claims nothing more") {
  Fixture fixture;
  fixture.runner.takes = 5s;
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(fixture.asker.append_new());
  fixture.start();
  fixture.bed.pass(6s);  // one has ended; two run
  CHECK(fixture.replayer->running() == 2);
  bool drained = false;
  fixture.replayer->drain([&] { drained = true; });
  CHECK(!drained);
  fixture.bed.pass(6s);
  CHECK(drained);
  CHECK(fixture.count(JobEvent::succeeded) == 3);
  CHECK(fixture.asker.status(ids[3]) == JobStatus::queued);
  CHECK(fixture.asker.find(ids[3])->attempt == 0);
}

TEST_CASE("what is cut off at the end of the grace runs again, and costs its job no attempt") {
  Fixture fixture;
  fixture.runner.takes = 50s;
  const std::string id = fixture.asker.append_new();
  for (int restart = 0; restart < 7; ++restart) {
    fixture.start();
    fixture.bed.pass(2s);
    REQUIRE(fixture.runner.running == 1);
    bool drained = false;
    fixture.replayer->drain([&] { drained = true; });
    fixture.replayer->cut_off();
    CHECK(fixture.runner.running == 0);
    fixture.bed.pass(1s);
    CHECK(drained);
    CHECK(fixture.asker.find(id)->attempt == 0);
    CHECK(fixture.asker.find(id)->last_error == "shutdown");
  }
  CHECK(fixture.asker.find(id)->deferrals == 7);
  fixture.start();
  fixture.bed.pass(60s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a replayer destroyed during a run leaves nothing behind; the job is run again later") {
  Fixture fixture;
  fixture.runner.takes = 5s;
  const std::string id = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(2s);
  CHECK(fixture.runner.running == 1);
  fixture.replayer.reset();
  CHECK(fixture.runner.running == 0);
  fixture.start();
  fixture.bed.pass(60s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.runner.ran.size() == 2);
}

TEST_CASE("expired jobs are counted, and the drain rate is that of all runs together") {
  Fixture fixture;
  fixture.config.concurrency = 1;
  JobDraft late = make_draft(fixture.bed.home());
  late.expires_at = late.created_at + 1ms;
  REQUIRE(fixture.asker.append(late).ok());
  fixture.bed.pass(1s);
  for (int i = 0; i < 200; ++i) fixture.asker.append_new();
  fixture.runner.takes = 500ms;
  fixture.start();
  CHECK(fixture.replayer->drain_rate() == 0);
  fixture.bed.pass(60s);
  CHECK(fixture.count(JobEvent::expired) == 1);
  CHECK(fixture.replayer->drain_rate() == doctest::Approx(2.0).epsilon(0.02));
}

}  // namespace tidegate::jobs
