// Jobs whose body lies elsewhere: fetched before they take anything of the upstream, which hears nothing of what comes
// of that.
#include "unit/jobs/replay_rig.h"

namespace tidegate::jobs {

namespace {

std::string append_reference(Replay& replay) {
  JobDraft draft = make_draft(replay.bed.home());
  draft.body = {};
  draft.body_ref = "http://minio/original";
  REQUIRE(replay.asker.append(draft).ok());
  return draft.id;
}

FetchedBody no_body(FetchedBody::Got got, const std::string& error) { return {got, nullptr, error, ""}; }

}  // namespace

TEST_CASE("while a body is fetched, its job holds neither the probe nor a slot, and others run") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  auto& policy = replay.runner.policies["optimize"];
  policy.bulkhead = std::make_shared<policy::Bulkhead>("optimize", policy::BulkheadConfig{2, 0, 0s});
  replay.config.concurrency = 2;
  replay.open(breaker);
  replay.runner.fetch_takes = 20s;
  const std::string id = append_reference(replay);
  replay.start();
  replay.bed.pass(breaker.config().open_for + 5s);
  REQUIRE(replay.runner.fetches.size() == 1);
  const auto view = breaker.view(replay.bed.home().now());
  CHECK(view.state == policy::BreakerState::half_open);
  CHECK(view.probes_in_flight == 0);
  CHECK(policy.bulkhead->view().in_use == 0);
  replay.bed.pass(30s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.state(breaker) == policy::BreakerState::closed);
  CHECK(replay.runner.fetches.size() == 1);
}

TEST_CASE("an open breaker keeps a body from being fetched for nothing") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  replay.open(breaker);
  append_reference(replay);
  replay.start();
  replay.bed.pass(breaker.config().open_for - 1s);
  CHECK(replay.runner.fetches.empty());
}

TEST_CASE("no body this time: a failed attempt, as often as the job has; the breaker and the ramp do not hear of it") {
  Replay replay;
  policy::Breaker& breaker = replay.add_breaker();
  replay.runner.fetched = no_body(FetchedBody::Got::nothing, "reference_unreachable");
  const std::string id = append_reference(replay);
  replay.start();
  replay.bed.pass(60s);
  const auto record = replay.asker.find(id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->last_error == "reference_unreachable");
  CHECK(record->history.size() == 3);
  CHECK(replay.runner.fetches.size() == 3);
  CHECK(replay.runner.ran.empty());
  const auto view = breaker.view(replay.bed.home().now());
  CHECK(view.successes + view.failures + view.ignored == 0);
  CHECK(replay.replayer->drain_rate() == 0);
}

TEST_CASE("a body that will never be had ends its job at the first attempt") {
  Replay replay;
  replay.runner.fetched = no_body(FetchedBody::Got::never, "reference_gone");
  const std::string id = append_reference(replay);
  replay.start();
  replay.bed.pass(5s);
  CHECK(replay.asker.find(id)->status == JobStatus::dead);
  CHECK(replay.asker.find(id)->last_error == "reference_gone");
  CHECK(replay.runner.fetches.size() == 1);
}

TEST_CASE("our own disk's failure to keep a fetched body costs the job no attempt") {
  Replay replay;
  replay.runner.fetched = no_body(FetchedBody::Got::own_failure, "");
  const std::string id = append_reference(replay);
  replay.start();
  replay.bed.pass(2s);
  CHECK(replay.asker.find(id)->attempt == 0);
  replay.runner.fetched = {};
  replay.bed.pass(10s);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(replay.asker.find(id)->attempt == 1);
}

TEST_CASE("shutdown gives a job back whose body is being fetched") {
  Replay replay;
  replay.runner.fetch_takes = 100s;
  const std::string id = append_reference(replay);
  replay.start();
  replay.bed.pass(1s);
  REQUIRE(replay.runner.fetches.size() == 1);
  bool drained = false;
  replay.replayer->drain([&] { drained = true; });
  replay.bed.pass(1s);
  CHECK(drained);
  CHECK(replay.asker.status(id) == JobStatus::queued);
  CHECK(replay.asker.find(id)->attempt == 0);
}

}  // namespace tidegate::jobs
