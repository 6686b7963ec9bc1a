// The contract of jobs/job_queue.h, continued: callers that go away, restarts, the view, closing, large bodies.
#include "unit/jobs/contract/every_queue.h"

namespace tidegate::jobs {

TEST_CASE_TEMPLATE("an append whose caller has gone is undone", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    JobDraft draft = make_draft(fixture.home());
    ids.push_back(draft.id);
    auto operation =
        fixture.queue().append(fixture.home(), std::move(draft), [](Result<Appended>) { FAIL("not silent"); });
    if (i % 3 == 0) fixture.let_store_work();
    operation.reset();
  }
  fixture.pass(Fixture::kMoment);
  // What became durable is cancelled soon after: a busy disk may take longer than a moment.
  for (const std::string& id : ids) {
    fixture.run_until([&] {
      const auto record = asker.find(id);
      return !record.ok() || record->status == JobStatus::cancelled;
    });
  }
  CHECK(asker.nothing_to_claim());
}

TEST_CASE_TEMPLATE("a claim whose caller has gone is released", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  for (int i = 0; i < 20; ++i) {
    auto operation = fixture.queue().claim(fixture.home(), 1h, [](auto) { FAIL("not silent"); });
    if (i % 3 == 0) fixture.let_store_work();
    operation.reset();
  }
  fixture.pass(Fixture::kMoment);
  // It is given back soon after: a busy disk may take longer than a moment.
  Result<std::optional<ClaimedJob>> job = std::optional<ClaimedJob>();
  fixture.run_until([&] {
    if (!job->has_value()) job = asker.try_claim();
    REQUIRE(job.ok());
    return job->has_value();
  });
  CHECK((*job)->id == id);
  CHECK((*job)->attempt == 1);
}

TEST_CASE_TEMPLATE("everything survives a restart; what was running is queued again", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  const std::string done = asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  const std::string running = asker.append_new("again");
  const ClaimedJob before = asker.claim(1h);
  const std::string waiting = asker.append_new("more");
  fixture.restart();
  CHECK(asker.status(done) == JobStatus::succeeded);
  CHECK(asker.result(done).ok());
  CHECK(asker.succeed(before).error().code == ErrorCode::conflict);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == running);
  CHECK(asker.body_of(job) == "again");
  const AttemptRecord ended = asker.find(running)->history.at(0);
  CHECK(ended.error == "process_ended");
  CHECK(ended.at <= fixture.home().wall_now());
  CHECK(asker.claim().id == waiting);
}

TEST_CASE_TEMPLATE("the view counts, and work is announced", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  int announced = 0;
  fixture.queue().on_work(fixture.home(), [&] { ++announced; });
  CHECK(fixture.queue().view().available);
  CHECK(!fixture.queue().view().next_due_at);
  const WallTime before = fixture.home().wall_now();
  asker.append_new("12345");
  fixture.run_until([&] { return announced > 0; });
  const QueueView view = fixture.queue().view();
  CHECK(view.depth[static_cast<size_t>(JobStatus::queued)] == 1);
  CHECK(view.bytes == 5);
  REQUIRE(view.oldest_created_at);
  CHECK(*view.oldest_created_at >= before);
  const int so_far = announced;
  const ClaimedJob job = asker.claim();
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::running)] == 1);
  fixture.pass(Fixture::kMoment);
  CHECK(announced == so_far);  // a claim makes no work
  REQUIRE(asker.succeed(job, {200, {}, {"abc", {}}}).ok());
  CHECK(fixture.queue().view().bytes == 3);
  CHECK(!fixture.queue().view().oldest_created_at);
  fixture.queue().on_work(fixture.home(), {});
  asker.append_new();
  fixture.pass(Fixture::kMoment);
  CHECK(announced == so_far);
}

TEST_CASE_TEMPLATE("after close, calls fail as unavailable", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  asker.append_new();
  bool closed = false;
  fixture.queue().close(fixture.home(), [&] { closed = true; });
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  fixture.run_until([&] { return closed; });
  fixture.restart();
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 1);
}

TEST_CASE_TEMPLATE("a body in a temporary file is stored and read back in pieces", Fixture, EVERY_QUEUE) {
  Fixture fixture;
  Asker asker(fixture);
  auto file = fixture.home().make_temp_file();
  std::string body;
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    std::string piece(60'000, '\0');
    for (char& c : piece) c = static_cast<char>(random.next());
    body += piece;
    append_to(*file, fixture, piece);
  }
  JobDraft draft = make_draft(fixture.home());
  draft.body = {"", file->content()};
  REQUIRE(asker.append(draft).ok());
  file.reset();
  const ClaimedJob job = asker.claim();
  CHECK(job.body_size == body.size());
  CHECK(asker.body_of(job) == body);
}

}  // namespace tidegate::jobs
