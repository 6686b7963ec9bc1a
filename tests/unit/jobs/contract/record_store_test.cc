// The contract of jobs/job_queue.h, continued: stores that keep the records of jobs whose work items lie with a broker.
#include "unit/jobs/contract/every_queue.h"

namespace tidegate::jobs {

namespace {

JobDraft external(net::Runtime& home) {
  JobDraft draft = make_draft(home, "lies with the broker");
  draft.external = true;
  return draft;
}

JobDraft external_with_key(net::Runtime& home, const std::string& key) {
  JobDraft draft = external(home);
  draft.dedupe_key = key;
  return draft;
}

}  // namespace

TEST_CASE_TEMPLATE("a record whose work item is with a broker is not found until it is admitted", Fixture,
                   EVERY_RECORD_STORE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft draft = external(fixture.home());
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.find(draft.id).error().code == ErrorCode::not_found);
  CHECK(asker.claim_id(draft.id).error().code == ErrorCode::conflict);
  CHECK(asker.append(draft).ok());  // who failed to publish it tries once more
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 0);
  REQUIRE(asker.admit(draft.id).ok());
  CHECK(asker.admit(draft.id).ok());
  CHECK(asker.append(draft).error().code == ErrorCode::conflict);
  CHECK(asker.status(draft.id) == JobStatus::queued);
  CHECK(asker.find(draft.id)->body_size == draft.body.size());
  CHECK(asker.nothing_to_claim());
  CHECK(asker.admit(std::string(32, 'a')).error().code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("one job can be claimed by its id, due or not, unless somebody holds it", Fixture,
                   EVERY_RECORD_STORE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft draft = external(fixture.home());
  REQUIRE(asker.append(draft).ok());
  REQUIRE(asker.admit(draft.id).ok());
  const auto job = asker.claim_id(draft.id, Fixture::kMoment);
  REQUIRE(job.ok());
  CHECK(job->attempt == 1);
  CHECK(job->fields == draft.fields);
  CHECK(job->body_size == draft.body.size());
  CHECK(asker.claim_id(draft.id).error().code == ErrorCode::conflict);
  fixture.pass(2 * Fixture::kMoment);  // the lease ends
  const auto second = asker.claim_id(draft.id);
  REQUIRE(second.ok());
  CHECK(asker.succeed(*job).error().code == ErrorCode::conflict);
  REQUIRE(asker.retry(*second, 1h).ok());
  const auto third = asker.claim_id(draft.id);
  REQUIRE(third.ok());
  CHECK(third->attempt == 3);
  REQUIRE(asker.succeed(*third).ok());
  CHECK(asker.claim_id(draft.id).error().code == ErrorCode::conflict);
  CHECK(asker.find(draft.id)->history.size() == 3);
}

TEST_CASE_TEMPLATE("an accepting record that was never published gives its key to the next", Fixture,
                   EVERY_RECORD_STORE) {
  Fixture fixture;
  Asker asker(fixture);
  JobDraft abandoned = external(fixture.home());
  abandoned.dedupe_key = "key";
  REQUIRE(asker.append(abandoned).ok());
  JobDraft next = external(fixture.home());
  next.dedupe_key = "key";
  const auto appended = asker.append(next);
  REQUIRE(appended.ok());
  CHECK(appended->id == next.id);
  CHECK(!appended->existing);
  // Its own append, late, does not make a second job of the key; without the key it may.
  CHECK(asker.append(abandoned).ok());
  CHECK(asker.admit(abandoned.id).error().code == ErrorCode::conflict);
  REQUIRE(asker.admit(next.id).ok());
  CHECK(asker.admit(abandoned.id).error().code == ErrorCode::conflict);
  JobDraft keyless = abandoned;
  keyless.dedupe_key.clear();
  CHECK(asker.append(keyless).ok());
  CHECK(asker.admit(abandoned.id).ok());
  CHECK(asker.append(external_with_key(fixture.home(), "key"))->id == next.id);
  const Status cancelled = asker.cancel(abandoned.id);
  CHECK((cancelled.ok() || cancelled.error().code == ErrorCode::not_found));
}

}  // namespace tidegate::jobs
