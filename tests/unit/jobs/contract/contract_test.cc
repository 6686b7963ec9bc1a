// The contract of jobs/job_queue.h: every backend passes it.
#include "unit/jobs/contract/every_queue.h"
#include "unit/jobs/sim/fixture.h"

namespace tidegate::jobs {

TEST_CASE_TEMPLATE("a job goes in and comes out whole", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft draft = make_draft(fixture.home(), std::string("\0binary\xff", 8));
  const auto appended = asker.append(draft);
  REQUIRE(appended.ok());
  CHECK(appended->id == draft.id);
  CHECK(appended->position == 0);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  CHECK(job.route == "optimize");
  CHECK(job.method == "POST");
  CHECK(job.target == "/optimize?text=x");
  CHECK(job.fields == draft.fields);
  CHECK(job.attempt == 1);
  CHECK(job.max_attempts == 3);
  CHECK(asker.body_of(job) == draft.body.memory);
}

TEST_CASE_TEMPLATE("jobs come out in the order they went in, and know how many are before them", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  std::vector<std::string> ids;
  for (uint64_t i = 0; i < 5; ++i) {
    JobDraft draft = make_draft(fixture.home());
    ids.push_back(draft.id);
    const auto appended = asker.append(std::move(draft));
    REQUIRE(appended.ok());
    CHECK(appended->position == i);
  }
  CHECK(asker.find(ids[3])->position == 3);
  for (const std::string& id : ids) CHECK(asker.claim().id == id);
  CHECK(asker.nothing_to_claim());
}

TEST_CASE_TEMPLATE("an id is taken once", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft draft = make_draft(fixture.home());
  REQUIRE(asker.append(draft).ok());
  const auto again = asker.append(draft);
  REQUIRE(!again.ok());
  CHECK(again.error().code == ErrorCode::conflict);
}

TEST_CASE_TEMPLATE("success stores exactly one result, with its headers and body", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  CHECK(asker.result(id).error().code == ErrorCode::conflict);
  CHECK(asker.find(id)->result_status == 0);
  const ClaimedJob job = asker.claim();
  StoredResponse response{
      418, {{"content-type", "image/png"}, {"x-a", "1"}, {"x-a", "2"}}, {std::string(200'000, 'z'), {}}};
  REQUIRE(asker.succeed(job, response).ok());
  CHECK(asker.succeed(job, response).error().code == ErrorCode::conflict);
  const auto record = asker.find(id);
  CHECK(record->status == JobStatus::succeeded);
  CHECK(record->finished_at.has_value());
  CHECK(record->last_error == "");
  CHECK(record->result_status == 418);
  CHECK(asker.list({})->records.at(0).result_status == 418);
  auto stored = asker.result(id);
  REQUIRE(stored.ok());
  CHECK(stored->status == 418);
  CHECK(stored->fields == response.fields);
  CHECK(asker.body_of(*stored->body) == response.body.memory);
  CHECK(asker.result("00000000000000000000000000000000").error().code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("a failed attempt is retried after its delay, and is in the history", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.retry(asker.claim(), Fixture::kMoment, "connect_failure").ok());
  const auto record = asker.find(id);
  CHECK(record->status == JobStatus::retrying);
  CHECK(record->next_attempt_at.has_value());
  CHECK(record->last_error == "connect_failure");
  REQUIRE(record->history.size() == 1);
  CHECK(record->history[0].error == "connect_failure");
  CHECK(record->history[0].took == 5ms);
  CHECK(asker.nothing_to_claim());
  fixture.pass(Fixture::kMoment + 1ms);
  CHECK(asker.claim().attempt == 2);
}

TEST_CASE_TEMPLATE("a draft that must wait is not handed out before its time", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  JobDraft draft = make_draft(fixture.home());
  draft.not_before = draft.created_at + Fixture::kMoment;
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.find(draft.id)->next_attempt_at == draft.not_before);
  CHECK(asker.nothing_to_claim());
  CHECK(fixture.queue().view().next_due_at == draft.not_before);
  fixture.pass(Fixture::kMoment + 1ms);
  CHECK(asker.claim().id == draft.id);
}

TEST_CASE_TEMPLATE("a released job is queued again without an attempt", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.release(asker.claim()).ok());
  CHECK(asker.find(id)->attempt == 0);
  const ClaimedJob again = asker.claim();
  CHECK(again.attempt == 1);
  REQUIRE(asker.release(again, fixture.home().wall_now() + Fixture::kMoment).ok());
  CHECK(asker.status(id) == JobStatus::queued);
  CHECK(asker.nothing_to_claim());
  fixture.pass(Fixture::kMoment + 1ms);
  CHECK(asker.claim().attempt == 1);
}

TEST_CASE_TEMPLATE("a lease that is not renewed ends, and its claim is void", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  const ClaimedJob lost = asker.claim(Fixture::kMoment);
  CHECK(asker.nothing_to_claim());
  fixture.pass(Fixture::kMoment + 1ms);
  const ClaimedJob taken = asker.claim();
  CHECK(taken.id == id);
  CHECK(taken.attempt == 2);
  CHECK(taken.claim != lost.claim);
  CHECK(asker.succeed(lost).error().code == ErrorCode::conflict);
  CHECK(asker.retry(lost, 1s).error().code == ErrorCode::conflict);
  CHECK(asker.dead_letter(lost).error().code == ErrorCode::conflict);
  CHECK(asker.release(lost).error().code == ErrorCode::conflict);
  CHECK(asker.renew(lost, 1s).error().code == ErrorCode::conflict);
  REQUIRE(asker.succeed(taken).ok());
  CHECK(asker.status(id) == JobStatus::succeeded);
}

TEST_CASE_TEMPLATE("a renewed lease holds", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  asker.append_new();
  const ClaimedJob job = asker.claim(Fixture::kMoment);
  REQUIRE(asker.renew(job, 100 * Fixture::kMoment).ok());
  fixture.pass(2 * Fixture::kMoment);
  CHECK(asker.nothing_to_claim());
  CHECK(asker.succeed(job).ok());
}

TEST_CASE_TEMPLATE("a dead job keeps its history and can be replayed with fresh attempts", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("precious");
  CHECK(asker.replay(id).error().code == ErrorCode::conflict);
  REQUIRE(asker.retry(asker.claim(), Duration(0)).ok());
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  auto record = asker.find(id);
  CHECK(record->status == JobStatus::dead);
  CHECK(record->last_error == "503");
  CHECK(record->history.size() == 2);
  CHECK(asker.nothing_to_claim());
  REQUIRE(asker.replay(id).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.attempt == 1);
  CHECK(asker.body_of(job) == "precious");
  REQUIRE(asker.succeed(job).ok());
  CHECK(asker.find(id)->history.size() == 3);
}

TEST_CASE_TEMPLATE("only a job that is not running can be cancelled", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string waiting = asker.append_new();
  CHECK(asker.cancel(waiting).ok());
  CHECK(asker.status(waiting) == JobStatus::cancelled);
  CHECK(asker.cancel(waiting).error().code == ErrorCode::conflict);
  const std::string running = asker.append_new();
  const ClaimedJob job = asker.claim();
  CHECK(asker.cancel(running).error().code == ErrorCode::conflict);
  REQUIRE(asker.retry(job, 1h).ok());
  CHECK(asker.cancel(running).ok());
  CHECK(asker.nothing_to_claim());
  CHECK(asker.cancel("00000000000000000000000000000000").error().code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("an expired job is never handed out", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  JobDraft draft = make_draft(fixture.home());
  draft.expires_at = draft.created_at + Fixture::kMoment;
  REQUIRE(asker.append(draft).ok());
  fixture.pass(Fixture::kMoment + 1ms);
  CHECK(asker.nothing_to_claim());
  CHECK(asker.status(draft.id) == JobStatus::expired);
  CHECK(fixture.queue().view().expired_total == 1);
}

TEST_CASE_TEMPLATE("results are deleted after results_ttl, records after twice that", Fixture, EVERY_QUEUE) {
  QueueLimits limits;
  limits.results_ttl = std::is_same_v<Fixture, SimFixture> ? Duration(60s) : Duration(1200ms);
  Fixture fixture(limits);
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  CHECK(asker.result(id).ok());
  fixture.pass(limits.results_ttl + 10ms);
  CHECK(asker.status(id) == JobStatus::succeeded);  // looking sweeps
  CHECK(asker.find(id)->result_status == 0);
  CHECK(asker.result(id).error().code == ErrorCode::not_found);
  CHECK(fixture.queue().view().bytes == 0);
  fixture.pass(limits.results_ttl + 10ms);
  CHECK(asker.find(id).error().code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("at a limit an append fails as exhausted, and nothing is stored", Fixture, EVERY_QUEUE) {
  QueueLimits limits;
  limits.max_jobs = 2;
  limits.max_bytes = 100;
  Fixture fixture(limits);
  Asker asker(fixture);
  CHECK(asker.append(make_draft(fixture.home(), std::string(101, 'x'))).error().code == ErrorCode::exhausted);
  asker.append_new(std::string(60, 'x'));
  CHECK(asker.append(make_draft(fixture.home(), std::string(60, 'x'))).error().code == ErrorCode::exhausted);
  asker.append_new();
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 2);
  CHECK(fixture.queue().view().bytes == 64);
  StoredResponse small{200, {}, {}};
  REQUIRE(asker.succeed(asker.claim(), small).ok());
  asker.append_new();  // there is room again
}

TEST_CASE_TEMPLATE("limits that change hold for what comes from then on", Fixture, EVERY_QUEUE) {
  QueueLimits limits;
  limits.max_jobs = 1;
  Fixture fixture(limits);
  Asker asker(fixture);
  asker.append_new();
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
  limits.max_jobs = 3;
  fixture.queue().set_limits(limits);
  asker.append_new();
  limits.max_bytes = 10;
  fixture.queue().set_limits(limits);
  CHECK(asker.append(make_draft(fixture.home(), std::string(11, 'x'))).error().code == ErrorCode::exhausted);
  limits.max_bytes = 1000;
  limits.max_jobs = 1;
  fixture.queue().set_limits(limits);
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 2);
}

TEST_CASE_TEMPLATE("a results_ttl that is shortened is that of the results that are there", Fixture, EVERY_QUEUE) {
  QueueLimits limits;
  Fixture fixture(limits);
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  limits.results_ttl = std::is_same_v<Fixture, SimFixture> ? Duration(60s) : Duration(1200ms);
  fixture.queue().set_limits(limits);
  fixture.pass(limits.results_ttl + 10ms);
  CHECK(asker.find(id)->result_status == 0);
  CHECK(asker.result(id).error().code == ErrorCode::not_found);
}

}  // namespace tidegate::jobs
