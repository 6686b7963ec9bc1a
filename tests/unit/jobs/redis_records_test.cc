// The job queue on Redis: records of work that lies elsewhere, keys, and what operators ask for, down to what is left
// of it on the server.
#include "unit/jobs/redis_bed.h"

namespace tidegate::jobs {

TEST_CASE("a record whose work lies elsewhere is accepted, admitted, and claimed by its id") {
  NEEDS_REDIS();
  RedisBed bed;
  Asker asker(bed);
  const auto admit = [&](const std::string& id) {
    return ask<Ok>(bed, [&](auto done) { return bed.queue().admit(bed.home(), id, done); });
  };
  const auto claim = [&](const std::string& id, Duration lease = 1h) {
    return ask<ClaimedJob>(bed, [&](auto done) { return bed.queue().claim_id(bed.home(), id, lease, done); });
  };
  JobDraft draft = make_draft(bed.home());
  draft.external = true;
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.append(draft).ok());  // tried again
  CHECK(asker.find(draft.id).error().code == ErrorCode::not_found);
  CHECK(bed.queue().view().bytes == 0);
  CHECK(claim(draft.id).error().code == ErrorCode::conflict);
  REQUIRE(admit(draft.id).ok());
  REQUIRE(admit(draft.id).ok());
  CHECK(asker.append(draft).error().code == ErrorCode::conflict);
  CHECK(asker.status(draft.id) == JobStatus::queued);
  CHECK(asker.nothing_to_claim());
  const auto lost = claim(draft.id, RedisBed::kMoment);
  REQUIRE(lost.ok());
  CHECK(claim(draft.id).error().code == ErrorCode::conflict);
  bed.pass(RedisBed::kMoment + 2ms);
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
  REQUIRE(claim(own, RedisBed::kMoment).ok());
  CHECK(asker.nothing_to_claim());
  bed.pass(RedisBed::kMoment + 2ms);
  CHECK(asker.claim().id == own);
}

TEST_CASE("keys, lists, purging and the guard against replay loops, on Redis") {
  NEEDS_REDIS();
  RedisBed bed;
  Asker asker(bed);
  const auto list = [&](JobFilter filter) {
    return ask<JobPage>(bed, [&](auto done) { return bed.queue().list(bed.home(), filter, done); });
  };
  const auto purge = [&](const std::string& id) {
    return ask<Ok>(bed, [&](auto done) { return bed.queue().purge(bed.home(), id, done); });
  };
  JobDraft draft = make_draft(bed.home());
  draft.dedupe_key = "key one";
  REQUIRE(asker.append(draft).ok());
  JobDraft twin = draft;
  twin.id = to_hex(bed.home().random_id());
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
  CHECK(asker.replay(draft.id).error().code == ErrorCode::exhausted);
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
  CHECK(bed.server().ask({"EXISTS", bed.key("body:" + draft.id), bed.key("history:" + draft.id)}).integer == 0);
}

}  // namespace tidegate::jobs
