// Dead letters as RabbitMQ's own tools and operators see them.
#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a dead letter can be read by RabbitMQ's own tools, byte for byte") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string body = random_bytes(100'000, 7);
  asker.append_new(body);
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  fixture.await(fixture.dead(), 1);
  CHECK(fixture.server().get_with_tool(fixture.dead()) == body);
  CHECK(fixture.server().depth(fixture.work()) == 0);
}

TEST_CASE("replayed and purged jobs leave the dead letters, and the others keep their order") {
  RabbitFixture fixture;
  Asker asker(fixture);
  std::vector<std::string> ids;
  for (const char* body : {"first", "second", "third", "fourth"}) {
    ids.push_back(asker.append_new(body));
    REQUIRE(asker.dead_letter(asker.claim()).ok());
  }
  REQUIRE(asker.replay(ids[1]).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == ids[1]);
  CHECK(job.attempt == 1);
  CHECK(asker.body_of(job) == "second");
  REQUIRE(asker.succeed(job).ok());
  REQUIRE(asker.purge(ids[2]).ok());
  CHECK(asker.find(ids[2]).error().code == ErrorCode::not_found);
  fixture.await(fixture.dead(), 2);
  CHECK(fixture.server().get_with_tool(fixture.dead()) == "first");
  CHECK(fixture.server().get_with_tool(fixture.dead()) == "fourth");
}

}  // namespace tidegate::jobs
