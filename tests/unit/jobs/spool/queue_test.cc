// The spool before a queue on a server: taken here while the server fails in each of its ways, forwarded in order,
// once.
#include <set>

#include "base/log.h"
#include "unit/jobs/spool/fixture.h"

namespace tidegate::jobs {

using Mood = FlakyQueue::Mood;

namespace {

std::vector<std::string> append_some(Asker<SpooledFixture>& asker, int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back(asker.append_new("body " + std::to_string(i)));
  return ids;
}

// Everything has gone over.
void let_forward(SpooledFixture& fixture) {
  fixture.run_until(
      [&] { return fixture.queue().view().spooled == 0 && fixture.queue().view().server_unavailable.empty(); });
}

}  // namespace

TEST_CASE("with a healthy server the spool stays empty") {
  SpooledFixture fixture;
  Asker asker(fixture);
  append_some(asker, 3);
  CHECK(fixture.queue().view().spooled == 0);
  CHECK(fixture.server().view().depth[0] == 3);
}

TEST_CASE(
    "while the server is unavailable the spool takes jobs; when it has recovered they are forwarded in order, once") {
  SpooledFixture fixture;
  Asker asker(fixture);
  const std::string before = asker.append_new("before");
  fixture.set(Mood::unavailable);
  const auto ids = append_some(asker, 100);
  const QueueView view = fixture.queue().view();
  CHECK(view.available);
  CHECK(view.server_unavailable == "connection refused");
  CHECK(view.spooled == 100);
  CHECK(view.depth[0] == 101);
  CHECK(asker.status(ids[42]) == JobStatus::queued);
  CHECK(asker.find(ids[42])->position == 42);

  fixture.set(Mood::healthy);
  let_forward(fixture);
  CHECK(asker.claim().id == before);
  for (size_t i = 0; i < ids.size(); ++i) {
    const ClaimedJob job = asker.claim();
    CHECK(job.id == ids[i]);
    CHECK(asker.body_of(job) == "body " + std::to_string(i));
    REQUIRE(asker.succeed(job).ok());
  }
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("what the spool has taken survives a restart, and is forwarded by the next run") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  JobDraft draft = make_draft(fixture.home(), std::string(700'000, 'b'));
  draft.body_ref = "";
  draft.dedupe_key = "key";
  REQUIRE(asker.append(draft).ok());
  fixture.restart();
  CHECK(fixture.queue().view().spooled == 1);
  fixture.set(Mood::healthy);
  let_forward(fixture);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  CHECK(job.fields == draft.fields);
  CHECK(job.max_attempts == draft.max_attempts);
  CHECK(job.expires_at == draft.expires_at);
  CHECK(job.created_at == draft.created_at);
  CHECK(job.dedupe_key == "key");
  CHECK(asker.body_of(job) == draft.body.memory);
}

TEST_CASE("an append that the server has done but not confirmed is one job, not two") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::reply_lost);
  const auto ids = append_some(asker, 5);
  CHECK(fixture.queue().view().spooled == 5);
  fixture.set(Mood::healthy);
  let_forward(fixture);
  std::multiset<std::string> claimed;
  for (int i = 0; i < 5; ++i) claimed.insert(asker.claim().id);
  CHECK(claimed == std::multiset<std::string>(ids.begin(), ids.end()));
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("only the first job waits for a server that stalls; its late reply does nothing twice") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::stalled);
  const std::string first = asker.append_new("first");  // its answer comes from the spool
  const Time asked = fixture.home().now();
  const std::string second = asker.append_new("second");
  CHECK(fixture.home().now() - asked < SpooledAppend::kServerReplyMax);
  fixture.set(Mood::healthy);  // the stalled append is done now
  let_forward(fixture);
  CHECK(asker.claim().id == first);
  CHECK(asker.claim().id == second);
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("what a client has dropped is neither in the spool nor at the server") {
  SpooledFixture fixture;
  Asker asker(fixture);
  for (const Mood mood : {Mood::healthy, Mood::unavailable, Mood::reply_lost, Mood::stalled}) {
    CAPTURE(static_cast<int>(mood));
    fixture.set(mood);
    const JobDraft draft = make_draft(fixture.home());
    {
      const auto dropped = fixture.queue().append(fixture.home(), draft, [](const auto&) { FAIL("not silent"); });
    }
    fixture.set(Mood::healthy);
    let_forward(fixture);
    // Undone at once, or when the forwarder finds that it has moved what nobody waits for any more.
    const auto gone = [&] {
      const auto record = asker.find(draft.id);
      return record ? record->status == JobStatus::cancelled : record.error().code == ErrorCode::not_found;
    };
    for (int looks = 0; looks < 200 && !gone(); ++looks) fixture.pass(10ms);
    CHECK(gone());
    CHECK(asker.nothing_to_claim());
  }
}

TEST_CASE("a job that waits in the spool can be cancelled, and is not forwarded") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::reply_lost);  // the server has it all the same
  const std::string id = asker.append_new();
  fixture.set(Mood::unavailable);
  REQUIRE(asker.cancel(id).ok());
  CHECK(asker.status(id) == JobStatus::cancelled);
  fixture.set(Mood::healthy);
  fixture.run_until([&] { return fixture.server().view().depth[static_cast<size_t>(JobStatus::cancelled)] == 1; });
  CHECK(asker.nothing_to_claim());
  CHECK(asker.status(id) == JobStatus::cancelled);
}

TEST_CASE("a cancel of a job that is being forwarded finds it where it has gone") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  const auto ids = append_some(asker, 40);
  fixture.set(Mood::healthy);
  for (const std::string& id : ids) CHECK(asker.cancel(id).ok());
  let_forward(fixture);
  CHECK(asker.nothing_to_claim());
  for (const std::string& id : ids) CHECK(asker.status(id) == JobStatus::cancelled);
}

TEST_CASE("a key that the server has given to another job does not stop a promised one") {
  SpooledFixture fixture;
  Asker asker(fixture);
  JobDraft first = make_draft(fixture.home(), "same");
  first.dedupe_key = "key";
  REQUIRE(asker.append(first).ok());
  fixture.set(Mood::unavailable);
  JobDraft twin = make_draft(fixture.home(), "same");
  twin.dedupe_key = "key";
  REQUIRE(asker.append(twin)->id == twin.id);  // nobody here knows the first
  JobDraft again = make_draft(fixture.home(), "same");
  again.dedupe_key = "key";
  CHECK(asker.append(again)->id == twin.id);
  JobDraft other = make_draft(fixture.home(), "other");
  other.dedupe_key = "key";
  CHECK(asker.append(other).error().code == ErrorCode::invalid);
  fixture.set(Mood::healthy);
  let_forward(fixture);
  CHECK(asker.claim().id == first.id);
  CHECK(asker.claim().id == twin.id);
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("a conflict at the server is believed only where the job is found there") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  JobDraft draft = make_draft(fixture.home(), "promised");
  draft.dedupe_key = "key";
  REQUIRE(asker.append(draft).ok());
  fixture.set(Mood::key_taken);
  let_forward(fixture);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  CHECK(asker.body_of(job) == "promised");
}

TEST_CASE("a job cancelled while it is being forwarded stays cancelled when the append then fails") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  const std::string id = asker.append_new();
  fixture.set(Mood::cut_off);
  fixture.pass(1s);  // it is on its way
  bool cancelled = false;
  const auto cancel =
      fixture.queue().cancel(fixture.home(), id, [&](const Status& status) { cancelled = status.ok(); });
  fixture.pass(100ms);
  CHECK(!cancelled);  // nobody can tell yet
  fixture.set(Mood::healthy);
  fixture.run_until([&] { return cancelled; });
  let_forward(fixture);
  CHECK(asker.nothing_to_claim());
  CHECK(asker.status(id) == JobStatus::cancelled);
}

TEST_CASE("a job that the server always refuses does not hold up those behind it") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  const std::string large = asker.append_new(std::string(2000, 'l'));
  const auto ids = append_some(asker, 3);
  fixture.set(Mood::refuses_large);
  fixture.run_until([&] { return fixture.queue().view().spooled == 1; });
  std::set<std::string> claimed;
  for (int i = 0; i < 3; ++i) claimed.insert(asker.claim().id);
  CHECK(claimed == std::set<std::string>(ids.begin(), ids.end()));
  CHECK(asker.status(large) == JobStatus::queued);
}

TEST_CASE("a full server refuses by itself; a full spool refuses too, and what was refused is found nowhere") {
  SpooledFixture fixture(QueueLimits{.max_jobs = 3});
  Asker asker(fixture);
  append_some(asker, 3);
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
  for (int i = 0; i < 3; ++i) REQUIRE(asker.succeed(asker.claim()).ok());
  fixture.set(Mood::reply_lost);
  const auto ids = append_some(asker, 3);
  const JobDraft refused = make_draft(fixture.home());
  CHECK(asker.append(refused).error().code == ErrorCode::exhausted);
  fixture.set(Mood::healthy);
  let_forward(fixture);
  for (const std::string& id : ids) CHECK(asker.claim().id == id);
  CHECK(asker.nothing_to_claim());
  CHECK(asker.find(refused.id).error().code == ErrorCode::not_found);
}

TEST_CASE("a list shows the spool's jobs first, then the server's") {
  SpooledFixture fixture;
  Asker asker(fixture);
  const auto there = append_some(asker, 3);
  fixture.set(Mood::unavailable);
  const auto here = append_some(asker, 3);
  std::vector<std::string> seen;
  JobFilter filter;
  filter.limit = 2;
  do {
    const auto page =
        ask<JobPage>(fixture, [&](auto done) { return fixture.queue().list(fixture.home(), filter, done); });
    REQUIRE(page.ok());
    for (const JobRecord& record : page->records) seen.push_back(record.id);
    filter.after = page->next;
  } while (!filter.after.empty());
  std::vector<std::string> wanted = here;
  wanted.insert(wanted.end(), there.begin(), there.end());
  CHECK(seen == wanted);
}

TEST_CASE("with a damaged spool jobs go to the server, and what may be in the spool is not called unknown") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(Mood::unavailable);
  const std::string spooled = asker.append_new("in the spool");
  fixture.restart_with_damaged_spool();
  CHECK(fixture.queue().view().spool_unavailable.starts_with("store_damaged: "));
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  fixture.set(Mood::healthy);
  fixture.run_until([&] { return fixture.queue().view().server_unavailable.empty(); });
  const std::string at_server = asker.append_new("at the server");
  CHECK(fixture.queue().view().available);
  CHECK(asker.status(at_server) == JobStatus::queued);
  CHECK(asker.find(spooled).error().code == ErrorCode::unavailable);
  CHECK(asker.cancel(spooled).error().code == ErrorCode::unavailable);
  CHECK(asker.list({})->records.size() == 1);
  CHECK(asker.cancel(at_server).ok());
}

}  // namespace tidegate::jobs
