// Messages that contradict their records: doubled, damaged, foreign, cancelled, without a record.
#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a message that is delivered twice is one job") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("once");
  fixture.close();
  fixture.server().rewrite(fixture.work(), 3, [](std::string&) {});
  fixture.open();
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  REQUIRE(asker.succeed(job).ok());
  CHECK(asker.nothing_to_claim());
  fixture.close();
  fixture.await(fixture.work(), 0);
}

TEST_CASE("a damaged message becomes a dead letter, with an alarm") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("precious");
  fixture.close();
  fixture.server().rewrite(fixture.work(), 1, [](std::string& body) { body[0] ^= 1; });
  fixture.open();
  CHECK(asker.nothing_to_claim());
  CHECK(asker.status(id) == JobStatus::dead);
  CHECK(asker.find(id)->last_error == "damaged_record");
  CHECK(fixture.queue().view().damaged_total == 1);
  fixture.await(fixture.dead(), 1);
  CHECK(fixture.server().get_with_tool(fixture.dead()) == "qrecious");
}

TEST_CASE("a foreign message goes to the dead letters and delays no job") {
  RabbitFixture fixture;
  Asker asker(fixture);
  fixture.server().publish(fixture.work(), "greeting", "hello");
  const std::string id = asker.append_new();
  CHECK(asker.claim().id == id);
  fixture.await(fixture.dead(), 1);
  CHECK(fixture.server().get_with_tool(fixture.dead()) == "hello");
}

TEST_CASE("an old message without a record is dropped, but only at the second check") {
  RabbitFixture fixture;
  Asker asker(fixture);
  fixture.server().publish(fixture.work(), std::string(32, 'a'),
                           "nobody was promised it");  // without a time: as old as can be
  CHECK(asker.nothing_to_claim());
  fixture.close();
  fixture.await(fixture.work(), 1);
  fixture.open();
  for (int i = 0; i < 4; ++i) {  // the checks are 2 s apart; the first claim may come before the message
    CHECK(asker.nothing_to_claim());
    fixture.pass(2500ms);
  }
  fixture.close();
  fixture.await(fixture.work(), 0);
  fixture.await(fixture.dead(), 0);
}

TEST_CASE("a cancelled job's message is dropped when it is delivered") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string gone = asker.append_new();
  const std::string stays = asker.append_new();
  REQUIRE(asker.cancel(gone).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == stays);
  REQUIRE(asker.succeed(job).ok());
  fixture.close();
  fixture.await(fixture.work(), 0);
}

}  // namespace tidegate::jobs
