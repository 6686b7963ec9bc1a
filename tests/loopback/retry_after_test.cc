// The Retry-After of a live response that ends in a job: the job's first replay waits for it.
#include "loopback/fixture.h"

#include "http/message/http_date.h"

namespace tidegate::loopback {

namespace {

// How long the job waits that a 503 with these fields has made, and what the client is told.
struct Waits {
  Duration job;
  int client_s;
};

Waits parked_by(const std::string& fields) {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503, fields});
  const WallTime before = fixture.runtime.wall_now();
  const Reply reply = fixture.ask(post("/later", "work"));
  REQUIRE(reply.status == 202);
  const auto due = fixture.queue().view().next_due_at;
  REQUIRE(due);
  return {*due - before, std::stoi(reply.field("retry-after"))};
}

}  // namespace

TEST_CASE("a job waits for the Retry-After of the response that made it, and so does its client") {
  const Waits seconds = parked_by("Retry-After: 3600\r\n");
  CHECK(seconds.job >= 3600s);
  CHECK(seconds.client_s >= 3600);
  const Waits date = parked_by("Date: Tue, 24 Nov 2026 01:00:00 GMT\r\nRetry-After: Tue, 24 Nov 2026 02:00:00 GMT\r\n");
  CHECK(date.job >= 3600s);
}

TEST_CASE("a Retry-After of longer than job_ttl, or one that is none, does not cost a job its attempts") {
  const Waits weeks = parked_by("Retry-After: 9999999\r\n");
  CHECK(weeks.job > std::chrono::hours(23));
  CHECK(weeks.job < std::chrono::hours(24));
  for (const char* none : {"", "Retry-After: soon\r\n", "Retry-After: -5\r\n", "Retry-After: 0\r\n"}) {
    CHECK(parked_by(none).job < 1800s);
  }
}

}  // namespace tidegate::loopback
