// The contract of jobs/job_queue.h, continued: what operators ask of a queue.
#include "jobs/refusal.h"
#include "unit/jobs/contract/every_queue.h"

namespace tidegate::jobs {

namespace {

template <typename Fixture>
std::string dead_letter_one(Fixture& fixture, Asker<Fixture>& asker, const std::string& error,
                            const std::string& body = "body") {
  const std::string id = asker.append_new(body);
  const ClaimedJob job = asker.claim();
  REQUIRE(job.id == id);
  REQUIRE(ask<Ok>(fixture, [&](auto done) {
            return fixture.queue().dead_letter(fixture.home(), job, {fixture.home().wall_now(), 5ms, error}, done);
          }).ok());
  return id;
}

template <typename Fixture>
std::vector<std::string> all_pages(Asker<Fixture>& asker, JobFilter page_of) {
  std::vector<std::string> ids;
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = asker.list(page_of);
    REQUIRE(page.ok());
    for (const JobRecord& record : page->records) ids.push_back(record.id);
    if (page->next.empty()) return ids;
    page_of.after = page->next;
  }
  FAIL("the pages never end");
  return ids;
}

JobFilter filter(int limit, std::optional<JobStatus> status = std::nullopt, const std::string& error = "") {
  return {status, error, "", limit};
}

}  // namespace

TEST_CASE_TEMPLATE("pages show every job once, oldest first, by status and by a part of its error", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  std::vector<std::string> dead, refused, queued;
  for (int i = 0; i < 7; ++i) {
    dead.push_back(dead_letter_one(fixture, asker, i % 2 ? "connect_failure" : "503"));
    if (i % 2) refused.push_back(dead.back());
  }
  for (int i = 0; i < 5; ++i) queued.push_back(asker.append_new());
  std::vector<std::string> all = dead;
  all.insert(all.end(), queued.begin(), queued.end());

  CHECK(all_pages(asker, filter(2)) == all);
  CHECK(all_pages(asker, filter(1000)) == all);
  CHECK(all_pages(asker, filter(3, JobStatus::dead)) == dead);
  CHECK(all_pages(asker, filter(5, JobStatus::queued)) == queued);
  CHECK(all_pages(asker, filter(2, std::nullopt, "connect")) == refused);
  CHECK(all_pages(asker, filter(100, JobStatus::succeeded)).empty());
}

TEST_CASE_TEMPLATE("a record shows the request", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("twelve bytes");
  const auto record = asker.find(id);
  REQUIRE(record.ok());
  CHECK(record->method == "POST");
  CHECK(record->target == "/optimize?text=x");
  CHECK(record->body_size == 12);
  CHECK(record->replays == 0);
  const auto page = asker.list({});
  REQUIRE(page.ok());
  REQUIRE(page->records.size() == 1);
  CHECK(page->records[0].target == "/optimize?text=x");
  CHECK(page->records[0].body_size == 12);
}

TEST_CASE_TEMPLATE("a dead letter keeps its body to the byte, and its history, through replays", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string body("\0poison\xff\r\n", 10);
  const std::string id = dead_letter_one(fixture, asker, "503", body);
  fixture.restart();
  REQUIRE(asker.replay(id).ok());
  CHECK(asker.find(id)->replays == 1);
  const ClaimedJob again = asker.claim();
  CHECK(again.id == id);
  CHECK(again.attempt == 1);
  CHECK(asker.body_of(again) == body);
  REQUIRE(asker.dead_letter(again).ok());
  const auto record = asker.find(id);
  REQUIRE(record->history.size() == 2);
  CHECK(record->history[0].error == "503");
}

TEST_CASE_TEMPLATE("a job that fails after each replay is replayed kReplaysMax times, and again only by force", Fixture,
                   EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = dead_letter_one(fixture, asker, "503");
  for (int i = 0; i < JobQueue::kReplaysMax; ++i) {
    REQUIRE(asker.replay(id).ok());
    REQUIRE(asker.dead_letter(asker.claim()).ok());
  }
  CHECK(is_replayed_too_often(asker.replay(id).error()));
  CHECK(asker.status(id) == JobStatus::dead);
  REQUIRE(asker.replay(id, true).ok());
  CHECK(asker.claim().id == id);
}

TEST_CASE_TEMPLATE("what has ended can be purged; what has not, cannot", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string dead = dead_letter_one(fixture, asker, "503", "some body");
  const std::string done = asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  const std::string waits = asker.append_new();
  CHECK(asker.purge(waits).error().code == ErrorCode::conflict);
  const ClaimedJob running = asker.claim();
  CHECK(asker.purge(waits).error().code == ErrorCode::conflict);
  REQUIRE(asker.purge(dead).ok());
  REQUIRE(asker.purge(done).ok());
  CHECK(asker.find(dead).error().code == ErrorCode::not_found);
  CHECK(asker.result(done).error().code == ErrorCode::not_found);
  CHECK(asker.purge(dead).error().code == ErrorCode::not_found);
  REQUIRE(asker.succeed(running, {200, {}, {"", {}}}).ok());
  const Status purged = asker.purge(waits);
  REQUIRE_MESSAGE(purged.ok(), (purged ? "" : purged.error().message));
  fixture.run_until([&] { return fixture.queue().view().bytes == 0; });
  for (const uint64_t count : fixture.queue().view().depth) CHECK(count == 0);
}

}  // namespace tidegate::jobs
