// Waits: in the broker, where they are long.
#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a wait takes the longest delay tier that does not exceed it") {
  CHECK(delay_tier_s(1s) == 1);
  CHECK(delay_tier_s(1999ms) == 1);
  CHECK(delay_tier_s(2s) == 2);
  CHECK(delay_tier_s(5s) == 4);
  CHECK(delay_tier_s(300s) == 256);
  CHECK(delay_tier_s(24h) == 4096);
}

TEST_CASE("a long wait is spent in the broker, and never ends early") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("later");
  REQUIRE(asker.retry(asker.claim(), 1300ms).ok());
  const auto due = asker.find(id)->next_attempt_at;
  REQUIRE(due);
  fixture.await(delay_queue(fixture.name(), 1), 1);
  CHECK(fixture.server().depth(fixture.work()) == 0);
  CHECK(asker.nothing_to_claim());
  std::optional<ClaimedJob> job;
  WallTime claimed_at{};
  while (!job) {
    fixture.pass(20ms);
    auto claimed = asker.try_claim();
    claimed_at = fixture.home().wall_now();
    REQUIRE(claimed.ok());
    job = std::move(*claimed);
  }
  CHECK(claimed_at >= *due);
  CHECK(job->attempt == 2);
  CHECK(asker.body_of(*job) == "later");
}

}  // namespace tidegate::jobs
