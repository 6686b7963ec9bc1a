// Jobs whose body lies elsewhere: it is fetched before they take a slot or a permit, and its result is not counted
// against the upstream.
#include "unit/jobs/replay/replay_fixture.h"

namespace tidegate::jobs {

namespace {

std::string append_reference(Fixture& fixture) {
  JobDraft draft = make_draft(fixture.bed.home());
  draft.body = {};
  draft.body_ref = "http://minio/original";
  REQUIRE(fixture.asker.append(draft).ok());
  return draft.id;
}

FetchedBody no_body(FetchedBody::Result result, const std::string& error) { return {result, nullptr, error, ""}; }

}  // namespace

TEST_CASE("while a body is fetched, its job holds neither the probe nor a slot, and others run") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  auto& policy = fixture.runner.policies["optimize"];
  policy.bulkhead = std::make_shared<policy::Bulkhead>("optimize", policy::BulkheadConfig{2, 0, 0s});
  fixture.config.concurrency = 2;
  fixture.open(breaker);
  fixture.runner.fetch_takes = 20s;
  const std::string id = append_reference(fixture);
  fixture.start();
  fixture.bed.pass(breaker.config().open_for + 5s);
  REQUIRE(fixture.runner.fetches.size() == 1);
  breaker.advance(fixture.bed.home().now());  // as the timer of its owner does
  const auto view = breaker.view(fixture.bed.home().now());
  CHECK(view.state == policy::BreakerState::half_open);
  CHECK(view.probes_in_flight == 0);
  CHECK(policy.bulkhead->view().in_use == 0);
  fixture.bed.pass(30s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.state(breaker) == policy::BreakerState::closed);
  CHECK(fixture.runner.fetches.size() == 1);
}

TEST_CASE("an open breaker keeps a body from being fetched for nothing") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  fixture.open(breaker);
  append_reference(fixture);
  fixture.start();
  fixture.bed.pass(breaker.config().open_for - 1s);
  CHECK(fixture.runner.fetches.empty());
}

TEST_CASE(
    "no body this time, while the host sends others: a failed attempt, as often as the job has; neither the breaker "
    "nor "
    "the drain rate counts it") {
  Fixture fixture;
  policy::Breaker& breaker = fixture.add_breaker();
  const std::string id = append_reference(fixture);
  fixture.runner.unfetchable = {id};
  fixture.start();
  for (int i = 0; i < 60; ++i) {
    append_reference(fixture);
    fixture.bed.pass(1s);
  }
  const auto record = fixture.asker.find(id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->last_error == "reference_unreachable");
  CHECK(record->attempt == 3);
  const auto& ran = fixture.runner.ran;
  CHECK(std::find(ran.begin(), ran.end(), id) == ran.end());
  const auto view = breaker.view(fixture.bed.home().now());
  CHECK(view.failures + view.ignored == 0);
}

TEST_CASE("while the host of bodies sends none, its jobs are deferred, however long") {
  Fixture fixture;
  fixture.runner.fetched = no_body(FetchedBody::Result::failed, "reference_unreachable");
  const std::string id = append_reference(fixture);
  fixture.start();
  fixture.bed.pass(std::chrono::hours(10));
  const auto record = fixture.asker.find(id);
  CHECK(record->status == JobStatus::retrying);
  CHECK(record->attempt == 0);
  CHECK(record->deferrals > 500);
  CHECK(record->last_error == "reference_unreachable");
  CHECK(fixture.runner.ran.empty());
  CHECK(fixture.replayer->drain_rate() == 0);
  fixture.runner.fetched = {};
  fixture.bed.pass(2min);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
}

TEST_CASE("a body that no retry can fetch ends its job at the first attempt") {
  Fixture fixture;
  fixture.runner.fetched = no_body(FetchedBody::Result::hopeless, "reference_gone");
  const std::string id = append_reference(fixture);
  fixture.start();
  fixture.bed.pass(5s);
  CHECK(fixture.asker.find(id)->status == JobStatus::dead);
  CHECK(fixture.asker.find(id)->last_error == "reference_gone");
  CHECK(fixture.runner.fetches.size() == 1);
}

TEST_CASE("a failure of our own disk to keep a fetched body costs the job no attempt") {
  Fixture fixture;
  fixture.runner.fetched = no_body(FetchedBody::Result::own_failure, "");
  const std::string id = append_reference(fixture);
  fixture.start();
  fixture.bed.pass(2s);
  CHECK(fixture.asker.find(id)->attempt == 0);
  fixture.runner.fetched = {};
  fixture.bed.pass(10s);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(fixture.asker.find(id)->attempt == 1);
}

TEST_CASE("shutdown gives a job back whose body is being fetched") {
  Fixture fixture;
  fixture.runner.fetch_takes = 100s;
  const std::string id = append_reference(fixture);
  fixture.start();
  fixture.bed.pass(1s);
  REQUIRE(fixture.runner.fetches.size() == 1);
  bool drained = false;
  fixture.replayer->drain([&] { drained = true; });
  fixture.bed.pass(1s);
  CHECK(drained);
  CHECK(fixture.asker.status(id) == JobStatus::queued);
  CHECK(fixture.asker.find(id)->attempt == 0);
}

}  // namespace tidegate::jobs
