// A kept connection that was dead all along: a request that may begin again does, and nobody hears of it.
#include <doctest/doctest.h>

#include "unit/core/attempt_rig.h"

namespace tidegate::core {

using test::TestAttempt;
using test::UpstreamRig;

namespace {

// One exchange, whose connection is kept; then a second request on it, which the upstream resets unread or half
// answered.
struct Dead {
  explicit Dead(bool may_start_over, std::string_view said_first = "") : first(rig), second(rig) {
    first.start().get();
    rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    rig.settle();
    REQUIRE(rig.pool->idle() == 1);
    second.attempt->start({rig.runtime.now() + 10s, 3s, 2s, may_start_over}, false);
    second.get();
    if (!said_first.empty()) rig.far[0]->say(said_first);
    rig.settle();
    rig.far[0]->reset();
    rig.settle();
  }
  UpstreamRig rig;
  TestAttempt first;
  TestAttempt second;
};

}  // namespace

TEST_CASE("a request that may, begins again on a fresh connection") {
  Dead dead(true);
  CHECK(dead.second.heard == "readyready");
  REQUIRE(dead.rig.far.size() == 2);
  dead.second.attempt->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, {});
  dead.second.attempt->end_body();
  dead.rig.settle();
  CHECK(dead.rig.far[1]->received.starts_with("GET / "));
  dead.rig.far[1]->say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  dead.rig.settle();
  CHECK(dead.second.heard == "readyready;200;[ok];complete");
}

TEST_CASE("it begins again once: a fresh connection that is reset is the upstream's failure") {
  Dead dead(true);
  REQUIRE(dead.rig.far.size() == 2);
  dead.second.attempt->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, {});
  dead.second.attempt->end_body();
  dead.rig.settle();
  dead.rig.far[1]->reset();
  dead.rig.settle();
  CHECK(dead.second.heard == "readyready;reset");
  CHECK(dead.rig.far.size() == 2);
}

TEST_CASE("what may not be sent twice, or has been answered in part, does not begin again") {
  CHECK(Dead(false).second.heard == "ready;reset");
  CHECK(Dead(true, "HTTP/1.1 20").second.heard == "ready;reset");
}

}  // namespace tidegate::core
