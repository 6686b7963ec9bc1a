// A broker that dies, stops, is full, or loses its queues; two processes on one queue.
#include <map>
#include <set>

#include "unit/jobs/rabbit/rabbit_bed.h"
#include "unit/jobs/rabbit/shared_bed.h"

namespace tidegate::jobs {

TEST_CASE("a broker that is killed in the middle of work loses nothing and repeats no result") {
  RabbitBed bed({}, RabbitQueueOptions().settle);
  Asker asker(bed);
  std::set<std::string> accepted;
  for (int i = 0; i < 12; ++i) accepted.insert(asker.append_new("body " + std::to_string(i)));
  std::vector<ClaimedJob> running;
  for (int i = 0; i < 4; ++i) running.push_back(asker.claim());
  bed.server().kill();
  bed.await_outage();
  CHECK(asker.append(make_draft(bed.home())).error().code == ErrorCode::unavailable);
  CHECK(asker.try_claim().error().code == ErrorCode::unavailable);
  CHECK(asker.body_of(running[0]).starts_with("body "));
  REQUIRE(asker.succeed(running[0]).ok());  // the record is the truth
  REQUIRE(asker.retry(running[1], Duration(0)).ok());
  REQUIRE(asker.bury(running[2]).ok());
  bed.server().start();
  bed.await_broker();
  REQUIRE(asker.succeed(running[3]).ok());
  std::map<std::string, int> runs;
  while (runs.size() < 9) {
    // A quorum queue that has just been recovered may break a channel or two (RabbitMQ 3.10): the queue is away again.
    const auto job = asker.try_claim();
    if (!job.ok()) bed.await_broker();
    if (!job.ok() || !*job) continue;
    CHECK(++runs[(*job)->id] == 1);
    REQUIRE(asker.succeed(**job).ok());
  }
  CHECK(asker.nothing_to_claim());
  for (const std::string& id : accepted) {
    CHECK(asker.status(id) == (id == running[2].id ? JobStatus::dead : JobStatus::succeeded));
  }
  bed.await(bed.dead(), 1);
  bed.close();
  bed.await(bed.work(), 0);
}

TEST_CASE("a broker that stops answering is away in time, and what it may have taken can be sent again") {
  RabbitBed bed;
  Asker asker(bed);
  bed.server().pause();
  const JobDraft draft = make_draft(bed.home(), "again");
  CHECK(asker.append(draft).error().code == ErrorCode::unavailable);
  bed.await_outage();
  bed.server().resume();
  bed.await_broker();
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.append(draft).error().code == ErrorCode::conflict);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  REQUIRE(asker.succeed(job).ok());
  CHECK(asker.nothing_to_claim());  // where both arrived, the second is dropped
}

TEST_CASE("the broker's memory alarm makes the queue unavailable until it is over") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string before = asker.append_new();
  bed.server().control({"set_vm_memory_high_watermark", "0.0000001"});
  const JobDraft draft = make_draft(bed.home());
  CHECK(asker.append(draft).error().code == ErrorCode::unavailable);
  bed.await_outage();
  CHECK(bed.queue().view().why_unavailable.starts_with("blocked: "));
  bed.server().control({"set_vm_memory_high_watermark", "0.8"});
  bed.await_broker();
  CHECK(asker.claim().id == before);
  REQUIRE(asker.append(draft).ok());
  CHECK(asker.claim().id == draft.id);
}

TEST_CASE("a work queue that is deleted is made again, and an append is never promised to nowhere") {
  RabbitBed bed;
  Asker asker(bed);
  bed.server().delete_queue(bed.work());
  const JobDraft draft = make_draft(bed.home());
  Result<Appended> appended = asker.append(draft);
  for (int i = 0; !appended.ok() && i < 50; ++i) {
    CHECK(appended.error().code == ErrorCode::unavailable);
    bed.pass(RabbitBed::kMoment);
    appended = asker.append(draft);
  }
  REQUIRE(appended.ok());
  CHECK(asker.claim().id == draft.id);
}

TEST_CASE("a dead letter that has no queue to go to waits until it has one") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string id = asker.append_new("kept");
  const ClaimedJob job = asker.claim();
  bed.server().delete_queue(bed.dead());
  REQUIRE(asker.bury(job).ok());
  bed.run_until([&] { return bed.server().depth(bed.dead()).has_value(); });
  bed.await_broker();
  CHECK(asker.nothing_to_claim());
  bed.await(bed.dead(), 1);
  REQUIRE(asker.replay(id).ok());
  CHECK(asker.body_of(asker.claim()) == "kept");
}

TEST_CASE("two processes share the work, each job once") {
  SharedBed bed(2);
  std::set<std::string> accepted;
  for (int i = 0; i < 10; ++i) accepted.insert(bed.asker(0).append_new());
  std::set<std::string> run;
  std::array<int, 2> share{};
  for (size_t i = 0; run.size() < accepted.size(); i = 1 - i) {
    const auto job = bed.asker(i).try_claim();
    REQUIRE(job.ok());
    if (!*job) continue;
    CHECK(run.insert((*job)->id).second);
    ++share[i];
    REQUIRE(bed.asker(i).succeed(**job).ok());
  }
  CHECK(run == accepted);
  CHECK(share[0] > 0);
  CHECK(share[1] > 0);
}

TEST_CASE("what one process holds and does not claim is given to the other") {
  SharedBed bed(32);
  bed.second_leaves();
  std::set<std::string> accepted;
  for (int i = 0; i < 5; ++i) accepted.insert(bed.asker(0).append_new());
  bed.second_joins();
  std::set<std::string> run;
  for (int tries = 0; run.size() < accepted.size() && tries < 40; ++tries) {
    const auto job = bed.asker(1).try_claim();
    REQUIRE(job.ok());
    if (!*job) continue;
    run.insert((*job)->id);
    REQUIRE(bed.asker(1).succeed(**job).ok());
  }
  CHECK(run == accepted);
}

}  // namespace tidegate::jobs
