// What lies in the broker, as its own tools see it; delays; damaged, foreign and doubled messages.
#include "unit/jobs/rabbit/rabbit_bed.h"

namespace tidegate::jobs {

namespace {

std::string random_bytes(size_t size, uint64_t seed) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

}  // namespace

TEST_CASE("a dead letter is read by RabbitMQ's own tools, byte for byte") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string body = random_bytes(100'000, 7);
  asker.append_new(body);
  REQUIRE(asker.bury(asker.claim()).ok());
  bed.await(bed.dead(), 1);
  CHECK(bed.server().get_with_tool(bed.dead()) == body);
  CHECK(bed.server().depth(bed.work()) == 0);
}

TEST_CASE("a replayed job leaves the dead letters, a purged one too, the others stay in their order") {
  RabbitBed bed;
  Asker asker(bed);
  std::vector<std::string> ids;
  for (const char* body : {"first", "second", "third", "fourth"}) {
    ids.push_back(asker.append_new(body));
    REQUIRE(asker.bury(asker.claim()).ok());
  }
  REQUIRE(asker.replay(ids[1]).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == ids[1]);
  CHECK(job.attempt == 1);
  CHECK(asker.body_of(job) == "second");
  REQUIRE(asker.succeed(job).ok());
  REQUIRE(asker.purge(ids[2]).ok());
  CHECK(asker.find(ids[2]).error().code == ErrorCode::not_found);
  bed.await(bed.dead(), 2);
  CHECK(bed.server().get_with_tool(bed.dead()) == "first");
  CHECK(bed.server().get_with_tool(bed.dead()) == "fourth");
}

TEST_CASE("a long wait is spent in the broker, and never ends early") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string id = asker.append_new("later");
  REQUIRE(asker.retry(asker.claim(), 1300ms).ok());
  const auto due = asker.find(id)->next_attempt_at;
  REQUIRE(due);
  bed.await(delay_queue(bed.name(), 1), 1);
  CHECK(bed.server().depth(bed.work()) == 0);
  CHECK(asker.nothing_to_claim());
  std::optional<ClaimedJob> job;
  WallTime claimed_at{};
  while (!job) {
    bed.pass(20ms);
    auto claimed = asker.try_claim();
    claimed_at = bed.home().wall_now();
    REQUIRE(claimed.ok());
    job = std::move(*claimed);
  }
  CHECK(claimed_at >= *due);
  CHECK(job->attempt == 2);
  CHECK(asker.body_of(*job) == "later");
}

TEST_CASE("a wait takes the largest rung that is not longer") {
  CHECK(rung_s(1s) == 1);
  CHECK(rung_s(1999ms) == 1);
  CHECK(rung_s(2s) == 2);
  CHECK(rung_s(5s) == 4);
  CHECK(rung_s(300s) == 256);
  CHECK(rung_s(24h) == 4096);
}

TEST_CASE("a body of 32 MiB goes through whole, from memory and from a file") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string body = random_bytes(32u << 20, 9);
  asker.append_new(body);
  const ClaimedJob from_memory = asker.claim();
  CHECK(from_memory.body_size == body.size());
  CHECK(asker.body_of(from_memory) == body);
  REQUIRE(asker.succeed(from_memory).ok());

  auto file = bed.home().open_temp_file();
  REQUIRE(file.ok());
  bool written = false;
  (*file)->append(body, [&](const Status& status) { written = status.ok(); });
  bed.run_until([&] { return written; });
  JobDraft draft = make_draft(bed.home());
  draft.body = {"", (*file)->content()};
  REQUIRE(asker.append(draft).ok());
  const ClaimedJob from_file = asker.claim();
  CHECK(asker.body_of(from_file) == body);
  REQUIRE(asker.succeed(from_file).ok());
}

TEST_CASE("a message that is delivered twice is one job") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string id = asker.append_new("once");
  bed.close();
  bed.server().rewrite(bed.work(), 3, [](std::string&) {});
  bed.open();
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  REQUIRE(asker.succeed(job).ok());
  CHECK(asker.nothing_to_claim());
  bed.close();
  bed.await(bed.work(), 0);
}

TEST_CASE("a damaged message becomes a dead letter, with an alarm") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string id = asker.append_new("precious");
  bed.close();
  bed.server().rewrite(bed.work(), 1, [](std::string& body) { body[0] ^= 1; });
  bed.open();
  CHECK(asker.nothing_to_claim());
  CHECK(asker.status(id) == JobStatus::dead);
  CHECK(asker.find(id)->last_error == "damaged_record");
  CHECK(bed.queue().view().damaged_total == 1);
  bed.await(bed.dead(), 1);
  CHECK(bed.server().get_with_tool(bed.dead()) == "qrecious");
}

TEST_CASE("somebody else's message goes to the dead letters, and holds nothing up") {
  RabbitBed bed;
  Asker asker(bed);
  bed.server().publish(bed.work(), "greeting", "hello");
  const std::string id = asker.append_new();
  CHECK(asker.claim().id == id);
  bed.await(bed.dead(), 1);
  CHECK(bed.server().get_with_tool(bed.dead()) == "hello");
}

TEST_CASE("an old message of which there is no record goes, but not at the first look") {
  RabbitBed bed;
  Asker asker(bed);
  bed.server().publish(bed.work(), std::string(32, 'a'), "nobody was promised it");  // without a time: as old as can be
  CHECK(asker.nothing_to_claim());
  bed.close();
  bed.await(bed.work(), 1);
  bed.open();
  CHECK(asker.nothing_to_claim());
  bed.pass(2500ms);
  CHECK(asker.nothing_to_claim());
  bed.close();
  bed.await(bed.work(), 0);
  bed.await(bed.dead(), 0);
}

TEST_CASE("a cancelled job's message is dropped when it comes") {
  RabbitBed bed;
  Asker asker(bed);
  const std::string gone = asker.append_new();
  const std::string stays = asker.append_new();
  REQUIRE(asker.cancel(gone).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == stays);
  REQUIRE(asker.succeed(job).ok());
  bed.close();
  bed.await(bed.work(), 0);
}

}  // namespace tidegate::jobs
