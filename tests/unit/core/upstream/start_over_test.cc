// A kept connection that was already dead: a request that may be sent again is, unreported.
#include <doctest/doctest.h>

#include "net/timer.h"
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::kGet;
using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::UpstreamFixture;

namespace {

// One exchange, whose connection is kept; then a second request on it, which the upstream resets, read or half
// answered.
struct Dead {
  explicit Dead(bool over_if_maybe_seen, std::string_view said_first = "") : first(fixture), second(fixture) {
    first.start().get();
    fixture.far.at(0)->say(kOk);
    fixture.settle();
    REQUIRE(fixture.pool->idle() == 1);
    second.over_if_maybe_seen = over_if_maybe_seen;
    second.start().get();
    if (!said_first.empty()) fixture.far[0]->say(said_first);
    fixture.settle();
    fixture.far[0]->reset();
    fixture.settle();
  }
  UpstreamFixture fixture;
  TestAttempt first;
  TestAttempt second;
};

// The upstream lets go of a kept connection `after` (before it: negative) a request leaves on it.
struct Crossing {
  enum class How { closes, resets };

  Crossing(How how, Duration after, bool over_if_maybe_seen) : first(fixture), second(fixture) {
    first.start().get();
    fixture.far.at(0)->say(kOk);
    fixture.settle();
    second.over_if_maybe_seen = over_if_maybe_seen;
    const Time leaves = fixture.runtime.now() + 10ms;
    net::Timer letting_go(fixture.runtime,
                          [&] { how == How::closes ? fixture.far[0]->close() : fixture.far[0]->reset(); });
    net::Timer asking(fixture.runtime, [&] { second.start(); });
    letting_go.start_at(leaves + after);
    asking.start_at(leaves);
    second.when_ready = [this] {
      second.attempt->send(kPost, false, "12345678");
      second.attempt->end_body();
    };
    fixture.settle(1s);
    if (fixture.far.size() > 1) fixture.far[1]->say(kOk);
    fixture.settle(1s);
  }

  std::string request_at(size_t connection) const {
    const std::string& received = fixture.far.at(connection)->received;
    return connection == 0 ? received.substr(kGet.size()) : received;
  }

  UpstreamFixture fixture;
  TestAttempt first;
  TestAttempt second;
};

}  // namespace

TEST_CASE("a request that may be sent again is, on a new connection") {
  Dead dead(true);
  CHECK(dead.second.events == "readyready");
  REQUIRE(dead.fixture.far.size() == 2);
  dead.second.attempt->send(kGet, false, {});
  dead.second.attempt->end_body();
  dead.fixture.settle();
  CHECK(dead.fixture.far[1]->received == kGet);
  dead.fixture.far[1]->say(kOk);
  dead.fixture.settle();
  CHECK(dead.second.events == "readyready;200;[hello];complete");
}

TEST_CASE("it starts over once: a new connection that is reset is the upstream's failure") {
  Dead dead(true);
  REQUIRE(dead.fixture.far.size() == 2);
  dead.second.attempt->send(kGet, false, {});
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

TEST_CASE(
    "whenever the upstream closes, no request that may run once only runs twice, and none that it never saw fails") {
  int started_over = 0, failed = 0;
  for (Duration after = -2ms; after <= 2ms; after += 50us) {
    CAPTURE(after.count());
    const Crossing crossing(Crossing::How::closes, after, false);
    const bool seen = !crossing.request_at(0).empty();
    const bool sent_again = crossing.fixture.far.size() > 1;
    CHECK_FALSE((seen && sent_again));
    CHECK(seen != (crossing.second.events.ends_with("complete")));
    if (sent_again) CHECK(crossing.request_at(1) == std::string(kPost) + "12345678");
    started_over += crossing.second.events.starts_with("readyready") ? 1 : 0;
    failed += crossing.second.events == "ready;reset" ? 1 : 0;
  }
  CHECK(started_over > 0);  // the crossing was met: it was closed while the request was on its way
  CHECK(failed > 0);        // … and after it had been read
}

TEST_CASE("whenever the upstream resets, no request that may run once only runs twice") {
  int failed = 0;
  for (Duration after = -2ms; after <= 2ms; after += 50us) {
    CAPTURE(after.count());
    const Crossing crossing(Crossing::How::resets, after, false);
    const bool seen = !crossing.request_at(0).empty();
    CHECK_FALSE((seen && crossing.fixture.far.size() > 1));
    failed += crossing.second.events == "ready;reset" ? 1 : 0;
  }
  CHECK(failed > 0);
}

TEST_CASE("whenever the upstream closes or resets, a request that may run twice gets its response") {
  for (const auto how : {Crossing::How::closes, Crossing::How::resets}) {
    for (Duration after = -2ms; after <= 2ms; after += 50us) {
      CAPTURE(after.count());
      const Crossing crossing(how, after, true);
      CHECK(crossing.second.events.ends_with(";200;[hello];complete"));
    }
  }
}

}  // namespace tidegate::core
