// The job queue on Redis: records of work that lies elsewhere, keys, and what operators ask for, down to what is left
// of it on the server.
#include "jobs/refusal.h"
#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

TEST_CASE("a record whose work item is with a broker is accepted, admitted, and claimed by its id") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const auto admit = [&](const std::string& id) {
    return ask<Ok>(fixture, [&](auto done) { return fixture.queue().admit(fixture.home(), id, done); });
  };
  const auto claim = [&](const std::string& id, Duration lease = 1h) {
    return ask<ClaimedJob>(fixture,
                           [&](auto done) { return fixture.queue().claim_id(fixture.home(), id, lease, done); });
  };
  JobDraft draft = make_draft(fixture.home());
  draft.external = true;
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.append(draft).ok());  // tried again
  CHECK(asker.find(draft.id).error().code == ErrorCode::not_found);
  CHECK(fixture.queue().view().bytes == 0);
  CHECK(claim(draft.id).error().code == ErrorCode::conflict);
  REQUIRE(admit(draft.id).ok());
  REQUIRE(admit(draft.id).ok());
  CHECK(asker.append(draft).error().code == ErrorCode::conflict);
  CHECK(asker.status(draft.id) == JobStatus::queued);
  CHECK(asker.nothing_to_claim());
  const auto lost = claim(draft.id, RedisFixture::kMoment);
  REQUIRE(lost.ok());
  CHECK(claim(draft.id).error().code == ErrorCode::conflict);
  fixture.pass(RedisFixture::kMoment + 2ms);
  const auto job = claim(draft.id);
  REQUIRE(job.ok());
  CHECK(job->attempt == 2);
  REQUIRE(asker.retry(*job, 1h).ok());
  CHECK(asker.nothing_to_claim());
  const auto again = claim(draft.id);  // due or not
  REQUIRE(again.ok());
  REQUIRE(asker.succeed(*again).ok());
  CHECK(claim(draft.id).error().code == ErrorCode::conflict);
  CHECK(admit(draft.id).error().code == ErrorCode::conflict);
  // A job of the store's own, too; it comes back when its lease ends.
  const std::string own = asker.append_new();
  REQUIRE(claim(own, RedisFixture::kMoment).ok());
  CHECK(asker.nothing_to_claim());
  fixture.pass(RedisFixture::kMoment + 2ms);
  CHECK(asker.claim().id == own);
}

TEST_CASE("keys, lists, purging and the guard against replay loops, on Redis") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const auto list = [&](JobFilter filter) {
    return ask<JobPage>(fixture, [&](auto done) { return fixture.queue().list(fixture.home(), filter, done); });
  };
  const auto purge = [&](const std::string& id) {
    return ask<Ok>(fixture, [&](auto done) { return fixture.queue().purge(fixture.home(), id, done); });
  };
  JobDraft draft = make_draft(fixture.home());
  draft.dedupe_key = "key one";
  REQUIRE(asker.append(draft).ok());
  JobDraft twin = draft;
  twin.id = to_hex(fixture.home().random_id());
  const auto existing = asker.append(twin);
  REQUIRE(existing.ok());
  CHECK(existing->existing);
  CHECK(existing->id == draft.id);
  twin.body.memory = "other";
  CHECK(asker.append(twin).error().code == ErrorCode::invalid);
  CHECK(purge(draft.id).error().code == ErrorCode::conflict);
  for (int died = 0; died <= JobQueue::kReplaysMax; ++died) {
    REQUIRE(asker.dead_letter(asker.claim()).ok());
    if (died < JobQueue::kReplaysMax) REQUIRE(asker.replay(draft.id).ok());
  }
  CHECK(is_replayed_too_often(asker.replay(draft.id).error()));
  CHECK(asker.append(twin).ok());  // the dead one has given its key free
  CHECK(asker.cancel(twin.id).ok());
  const std::string last = asker.append_new();
  const auto everything = list({});
  REQUIRE(everything.ok());
  REQUIRE(everything->records.size() == 3);
  CHECK(everything->records[0].id == draft.id);
  CHECK(everything->records[2].id == last);
  CHECK(everything->next.empty());
  JobFilter two;
  two.limit = 2;
  const auto page = list(two);
  REQUIRE(page->records.size() == 2);
  two.after = page->next;
  REQUIRE(!two.after.empty());
  CHECK(list(two)->records.at(0).id == last);
  JobFilter dead;
  dead.status = JobStatus::dead;
  dead.error = "50";
  CHECK(list(dead)->records.at(0).replays == JobQueue::kReplaysMax);
  dead.error = "time";
  CHECK(list(dead)->records.empty());
  CHECK(asker.cancel(last).ok());
  CHECK(asker.replay(draft.id, true).ok());
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  CHECK(purge(draft.id).ok());
  CHECK(asker.find(draft.id).error().code == ErrorCode::not_found);
  CHECK(fixture.server().ask({"EXISTS", fixture.key("body:" + draft.id), fixture.key("history:" + draft.id)}).integer ==
        0);
}

}  // namespace tidegate::jobs
