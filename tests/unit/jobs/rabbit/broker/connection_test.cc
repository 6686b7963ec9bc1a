// Large bodies on their way to the broker and back.
#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a body of 32 MiB arrives complete, from memory and from a file") {
  RabbitFixture fixture;
  Asker asker(fixture);
  const std::string body = random_bytes(32u << 20, 9);
  asker.append_new(body);
  const ClaimedJob from_memory = asker.claim();
  CHECK(from_memory.body_size == body.size());
  CHECK(asker.body_of(from_memory) == body);
  REQUIRE(asker.succeed(from_memory).ok());

  const auto file = fixture.home().make_temp_file();
  append_to(*file, fixture, body);
  JobDraft draft = make_draft(fixture.home());
  draft.body = {"", file->content()};
  REQUIRE(asker.append(draft).ok());
  const ClaimedJob from_file = asker.claim();
  CHECK(asker.body_of(from_file) == body);
  REQUIRE(asker.succeed(from_file).ok());
}

}  // namespace tidegate::jobs
