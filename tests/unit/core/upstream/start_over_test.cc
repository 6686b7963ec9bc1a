// A reused connection that was already dead: a request that may start over does, unreported.
#include <doctest/doctest.h>

#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::TestAttempt;
using test::UpstreamFixture;

namespace {

// One exchange, whose connection is kept; then a second request on it, which the upstream resets unread or half
// answered.
struct Dead {
  explicit Dead(bool may_start_over, std::string_view said_first = "") : first(fixture), second(fixture) {
    first.start().get();
    fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    fixture.settle();
    REQUIRE(fixture.pool->idle() == 1);
    second.attempt->start({fixture.runtime.now() + 60s, 10s, 3s, 2s, may_start_over}, false);
    second.get();
    if (!said_first.empty()) fixture.far[0]->say(said_first);
    fixture.settle();
    fixture.far[0]->reset();
    fixture.settle();
  }
  UpstreamFixture fixture;
  TestAttempt first;
  TestAttempt second;
};

}  // namespace

TEST_CASE("a request that may start over does, on a new connection") {
  Dead dead(true);
  CHECK(dead.second.events == "readyready");
  REQUIRE(dead.fixture.far.size() == 2);
  dead.second.attempt->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, {});
  dead.second.attempt->end_body();
  dead.fixture.settle();
  CHECK(dead.fixture.far[1]->received.starts_with("GET / "));
  dead.fixture.far[1]->say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  dead.fixture.settle();
  CHECK(dead.second.events == "readyready;200;[ok];complete");
}

TEST_CASE("it starts over once: a new connection that is reset is the upstream's failure") {
  Dead dead(true);
  REQUIRE(dead.fixture.far.size() == 2);
  dead.second.attempt->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, {});
  dead.second.attempt->end_body();
  dead.fixture.settle();
  dead.fixture.far[1]->reset();
  dead.fixture.settle();
  CHECK(dead.second.events == "readyready;reset");
  CHECK(dead.fixture.far.size() == 2);
}

TEST_CASE("what may not be sent twice, or has a partial response, does not start over") {
  CHECK(Dead(false).second.events == "ready;reset");
  CHECK(Dead(true, "HTTP/1.1 20").second.events == "ready;reset");
}

}  // namespace tidegate::core
