// The contract of jobs/job_queue.h, continued: keys that make jobs unique.
#include "unit/jobs/contract/every_queue.h"

namespace tidegate::jobs {

namespace {

JobDraft keyed(net::Runtime& home, const std::string& body = "body", const std::string& key = "key-1") {
  JobDraft draft = make_draft(home, body);
  draft.dedupe_key = key;
  return draft;
}

JobDraft referring(net::Runtime& home, const std::string& url) {
  JobDraft draft = keyed(home, "");
  draft.body_ref = url;
  return draft;
}

}  // namespace

TEST_CASE_TEMPLATE("the same key and payload are the same job, whatever its status", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  asker.append_new("before it");
  const JobDraft first = keyed(fixture.home());
  REQUIRE(asker.append(first)->id == first.id);

  const auto again = asker.append(keyed(fixture.home()));
  REQUIRE(again.ok());
  CHECK(again->existing);
  CHECK(again->id == first.id);
  CHECK(again->position == 1);
  CHECK(again->status == JobStatus::queued);

  REQUIRE(asker.release(asker.claim(), fixture.home().wall_now() + 1h).ok());
  const ClaimedJob running = asker.claim();
  REQUIRE(running.id == first.id);
  CHECK(asker.append(keyed(fixture.home()))->status == JobStatus::running);
  REQUIRE(asker.succeed(running).ok());
  const auto done = asker.append(keyed(fixture.home()));
  CHECK(done->existing);
  CHECK(done->status == JobStatus::succeeded);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 1);
}

TEST_CASE_TEMPLATE("another request under a key is refused: route, Host, method, target and body all count", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  REQUIRE(asker.append(keyed(fixture.home())).ok());
  JobDraft method = keyed(fixture.home()), target = keyed(fixture.home());
  method.method = "PUT";
  target.target = "/optimize?text=y";
  JobDraft route = keyed(fixture.home()), host = keyed(fixture.home());
  route.route = "other";
  host.fields.insert(host.fields.begin(), {"Host", "other.example"});
  CHECK(asker.append(route).error().code == ErrorCode::invalid);
  CHECK(asker.append(host).error().code == ErrorCode::invalid);
  CHECK(asker.append(method).error().code == ErrorCode::invalid);
  CHECK(asker.append(target).error().code == ErrorCode::invalid);
  CHECK(asker.append(keyed(fixture.home(), "other body")).error().code == ErrorCode::invalid);
  CHECK(!asker.append(keyed(fixture.home(), "body", "key-2"))->existing);
  CHECK(!asker.append(make_draft(fixture.home()))->existing);
  CHECK(!asker.append(make_draft(fixture.home()))->existing);
}

TEST_CASE_TEMPLATE("for a reference the URL without its query counts: each presigning differs", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft first = referring(fixture.home(), "http://store:9000/originals/a?X-Amz-Signature=1");
  REQUIRE(asker.append(first).ok());
  const auto again = asker.append(referring(fixture.home(), "http://store:9000/originals/a?X-Amz-Signature=2"));
  REQUIRE(again.ok());
  CHECK(again->id == first.id);
  const auto other = asker.append(referring(fixture.home(), "http://store:9000/originals/b?X-Amz-Signature=1"));
  CHECK(other.error().code == ErrorCode::invalid);
  const ClaimedJob job = asker.claim();
  CHECK(job.body_ref == first.body_ref);
  CHECK(job.body_size == 0);
}

TEST_CASE_TEMPLATE("a dead, cancelled or expired job frees its key", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  REQUIRE(asker.append(keyed(fixture.home())).ok());
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  const JobDraft second = keyed(fixture.home(), "another");
  REQUIRE(asker.append(second)->id == second.id);
  REQUIRE(asker.cancel(second.id).ok());
  JobDraft third = keyed(fixture.home(), "a third");
  third.expires_at = third.created_at + Fixture::kMoment;
  REQUIRE(asker.append(third)->id == third.id);
  fixture.pass(2 * Fixture::kMoment);
  REQUIRE(asker.nothing_to_claim());
  REQUIRE(asker.status(third.id) == JobStatus::expired);
  CHECK(!asker.append(keyed(fixture.home(), "a fourth"))->existing);
}

TEST_CASE_TEMPLATE("a key is kept as long as its result", Fixture, EVERY_QUEUE) {
  Fixture fixture(QueueLimits{.results_ttl = 3 * Fixture::kMoment});
  Asker asker(fixture);
  const JobDraft first = keyed(fixture.home());
  REQUIRE(asker.append(first).ok());
  REQUIRE(asker.succeed(asker.claim()).ok());
  REQUIRE(asker.append(keyed(fixture.home()))->id == first.id);
  for (int moments = 0; moments < 100 && asker.result(first.id).ok(); ++moments) {
    fixture.queue().tidy(fixture.home());
    fixture.pass(Fixture::kMoment);
  }
  const JobDraft later = keyed(fixture.home());
  CHECK(asker.append(later)->id == later.id);
}

TEST_CASE_TEMPLATE("keys survive a restart", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft first = keyed(fixture.home());
  REQUIRE(asker.append(first).ok());
  fixture.restart();
  CHECK(asker.append(keyed(fixture.home()))->id == first.id);
  CHECK(asker.append(keyed(fixture.home(), "other")).error().code == ErrorCode::invalid);
}

TEST_CASE_TEMPLATE("a claim of a job with a key has the key, when it was created and when it expires", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const JobDraft draft = keyed(fixture.home());
  REQUIRE(asker.append(draft).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.dedupe_key == draft.dedupe_key);
  CHECK(job.created_at == draft.created_at);
  CHECK(job.expires_at == draft.expires_at);
}

}  // namespace tidegate::jobs
