// A broker that dies, hangs, raises an alarm, or loses its queues.
#include <map>
#include <set>

#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a broker that is killed during work loses no job and runs none twice") {
  RabbitFixture fixture({}, RabbitQueueOptions().settle);
  Asker asker(fixture);
  std::set<std::string> accepted;
  for (int i = 0; i < 12; ++i) accepted.insert(asker.append_new("body " + std::to_string(i)));
  std::vector<ClaimedJob> running;
  for (int i = 0; i < 4; ++i) running.push_back(asker.claim());
  fixture.server().kill();
  fixture.await_outage();
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  CHECK(asker.try_claim().error().code == ErrorCode::unavailable);
  CHECK(asker.body_of(running[0]).starts_with("body "));
  REQUIRE(asker.succeed(running[0]).ok());  // the record is the truth
  REQUIRE(asker.retry(running[1], Duration(0)).ok());
  REQUIRE(asker.dead_letter(running[2]).ok());
  fixture.server().start();
  fixture.await_broker();
  REQUIRE(asker.succeed(running[3]).ok());
  std::map<std::string, int> runs;
  while (runs.size() < 9) {
    // A quorum queue that has just been recovered may break a channel or two (RabbitMQ 3.10): the queue is away again.
    const auto job = asker.try_claim();
    if (!job.ok()) fixture.await_broker();
    if (!job.ok() || !*job) continue;
    CHECK(++runs[(*job)->id] == 1);
    REQUIRE(asker.succeed(**job).ok());
  }
  CHECK(asker.nothing_to_claim());
  for (const std::string& id : accepted) {
    CHECK(asker.status(id) == (id == running[2].id ? JobStatus::dead : JobStatus::succeeded));
  }
  fixture.await(fixture.dead(), 1);
  fixture.close();
  fixture.await(fixture.work(), 0);
}

TEST_CASE("a broker that hangs is unavailable in time, and an append it may have taken can be repeated") {
  RabbitFixture fixture;
  Asker asker(fixture);
  fixture.server().pause();
  const JobDraft draft = make_draft(fixture.home(), "again");
  CHECK(asker.append(draft).error().code == ErrorCode::unavailable);
  fixture.await_outage();
  fixture.server().resume();
  fixture.await_broker();
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.append(draft).error().code == ErrorCode::conflict);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  REQUIRE(asker.succeed(job).ok());
  CHECK(asker.nothing_to_claim());  // where both arrived, the second is dropped
}

TEST_CASE("the broker's memory alarm makes the queue unavailable until it is over") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string before = asker.append_new();
  fixture.server().control({"set_vm_memory_high_watermark", "0.0000001"});
  const JobDraft draft = make_draft(fixture.home());
  CHECK(asker.append(draft).error().code == ErrorCode::unavailable);
  fixture.await_outage();
  CHECK(fixture.queue().view().why_unavailable.starts_with("blocked: "));
  fixture.server().control({"set_vm_memory_high_watermark", "0.8"});
  fixture.await_broker();
  CHECK(asker.claim().id == before);
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.claim().id == draft.id);
}

TEST_CASE("a work queue that is deleted is declared again, and no append is confirmed without it") {
  RabbitFixture fixture;
  Asker asker(fixture);
  fixture.server().delete_queue(fixture.work());
  const JobDraft draft = make_draft(fixture.home());
  Result<Appended> appended = asker.append(draft);
  for (int i = 0; !appended.ok() && i < 50; ++i) {
    CHECK(appended.error().code == ErrorCode::unavailable);
    fixture.pass(RabbitFixture::kMoment);
    appended = asker.append(draft);
  }
  REQUIRE(appended.ok());
  CHECK(asker.claim().id == draft.id);
}

TEST_CASE("a dead letter without a dead-letter queue waits until there is one") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("kept");
  const ClaimedJob job = asker.claim();
  fixture.server().delete_queue(fixture.dead());
  REQUIRE(asker.dead_letter(job).ok());
  fixture.run_until([&] { return fixture.server().depth(fixture.dead()).has_value(); });
  fixture.await_broker();
  CHECK(asker.nothing_to_claim());
  fixture.await(fixture.dead(), 1);
  REQUIRE(asker.replay(id).ok());
  CHECK(asker.body_of(asker.claim()) == "kept");
}

}  // namespace tidegate::jobs
