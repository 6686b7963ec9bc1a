// Whose time an attempt measures: the upstream's own time until the response headers, and whose fault a failure is.
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::UpstreamFixture;

namespace {

constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

// Starts it; its upstream is allowed 8 s until the response headers.
void start(UpstreamFixture& fixture, TestAttempt& one, Duration per_try = 20s, std::optional<Duration> probe = {}) {
  const Time now = fixture.runtime.now();
  const auto probe_until = probe ? std::optional(now + *probe) : std::nullopt;
  one.attempt->start({now + per_try, per_try, 8s, 5s, probe ? std::min<Duration>(8s, *probe) : 8s, probe_until}, false);
  fixture.settle();
}

}  // namespace

TEST_CASE("the upstream's time begins when the request has been sent whole") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  start(fixture, one);
  one.attempt->send(kPost, false, "half");
  fixture.settle(5s);
  one.attempt->send_body("half");
  one.attempt->end_body();
  fixture.settle(2s);
  fixture.far.at(0)->say(kOk);
  fixture.settle();
  REQUIRE(one.events.ends_with(";complete"));
  CHECK(one.upstream_took >= 2s);
  CHECK(one.upstream_took < 3s);
}

TEST_CASE("response headers before the end of the request took the upstream no time, unless it did not read") {
  UpstreamFixture fixture;
  TestAttempt late(fixture);
  start(fixture, late);
  late.attempt->send(kPost, false, "half");
  fixture.settle(5s);
  fixture.far.at(0)->say(kHead);
  fixture.settle();
  REQUIRE(late.events == "ready;200");
  CHECK(late.upstream_took == 0s);

  TestAttempt unread(fixture);
  start(fixture, unread);
  fixture.far.at(1)->stop_reading();
  unread.attempt->send(kPost, false, std::string(500'000, 'x'));
  fixture.settle(5s);
  fixture.far[1]->say(kHead);
  fixture.settle();
  REQUIRE(unread.events == "ready;200");
  CHECK(unread.upstream_took >= 5s);
}

TEST_CASE("a timeout is the upstream's fault if it alone was waited for during half of its time") {
  const struct {
    Duration upload;
    bool upstreams_fault;
  } cases[] = {{0s, true}, {5s, true}, {11s, true}, {17s, false}, {19s, false}};
  for (const auto& c : cases) {
    CAPTURE(to_seconds(c.upload));
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    start(fixture, one);
    one.attempt->send(kPost, false, "half");
    fixture.settle(c.upload);
    one.attempt->send_body("half");
    one.attempt->end_body();
    fixture.settle(20s);
    CHECK(one.events == "ready;timeout");
    CHECK(one.upstreams_fault == c.upstreams_fault);
  }
}

TEST_CASE("a timeout while the upstream does not take the request is its fault, unless that began just before") {
  for (const Duration late : {Duration(1s), Duration(18s)}) {
    CAPTURE(to_seconds(late));
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    start(fixture, one);
    one.attempt->send(kPost, false, "half");
    fixture.settle(late);
    fixture.far.at(0)->stop_reading();
    one.attempt->send_body(std::string(500'000, 'x'));
    fixture.settle(20s);
    CHECK(one.events == "ready;timeout");
    CHECK(one.upstreams_fault == (late < 12s));
  }
}

TEST_CASE("no connection within a time that is short for the client's sake is not the upstream's fault") {
  for (const Duration time : {Duration(100ms), Duration(6s)}) {
    UpstreamFixture fixture(", connect_timeout: 30s");
    net::SimLink link;
    link.blackhole = 1;
    fixture.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
    TestAttempt one(fixture);
    start(fixture, one, time);
    fixture.settle(7s);
    CHECK(one.events == ";connect_failure");
    CHECK(one.upstreams_fault == (time == Duration(6s)));
  }
}

TEST_CASE("a probe without response headers in time is a timeout, and its connection is closed") {
  for (const bool body_is_late : {false, true}) {
    CAPTURE(body_is_late);
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    start(fixture, one, 20s, 2s);
    one.attempt->send(kPost, false, "half");
    if (!body_is_late) one.attempt->end_body();
    fixture.settle(1800ms);
    CHECK(one.events == "ready");
    fixture.settle(300ms);
    CHECK(one.events == "ready;timeout");
    CHECK(one.upstreams_fault == !body_is_late);
    fixture.settle();
    CHECK(fixture.far.at(0)->left());
  }
}

TEST_CASE("a probe's time ends with its response headers") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  start(fixture, one, 20s, 2s);
  one.get();
  fixture.far.at(0)->say(kHead);
  fixture.settle(4s);
  CHECK(one.events == "ready;200");
}

TEST_CASE("an upstream that breaks off is at fault, unless its client has kept it waiting") {
  SUBCASE("for its body") {
    for (const Duration late : {Duration(100ms), Duration(2s)}) {
      UpstreamFixture fixture;
      TestAttempt one(fixture);
      start(fixture, one);
      one.attempt->send(kPost, false, "half");
      fixture.settle(late);
      fixture.far.at(0)->reset();
      fixture.settle();
      CHECK(one.events == "ready;reset");
      CHECK(one.upstreams_fault == (late < 1s));
    }
  }
  SUBCASE("with its response") {
    for (const Duration held_back : {Duration(100ms), Duration(2s)}) {
      UpstreamFixture fixture;
      TestAttempt one(fixture);
      start(fixture, one);
      one.get();
      one.pause_at_body = true;
      fixture.far.at(0)->say(std::string(kHead) + "half");
      fixture.settle(held_back);
      one.attempt->resume();
      fixture.settle();
      fixture.far[0]->reset();
      fixture.settle();
      CHECK(one.events == "ready;200;reset");
      CHECK(one.upstreams_fault == (held_back < 1s));
    }
  }
}

TEST_CASE("silence inside a response is no timeout while the upstream waits for the client's body") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  start(fixture, one);
  one.attempt->send(kPost, false, "half");
  fixture.far.at(0)->say(kHead);
  fixture.settle(60s);
  CHECK(one.events == "ready;200");
  one.attempt->send_body("half");
  one.attempt->end_body();
  fixture.settle(4s);
  CHECK(one.events == "ready;200");
  fixture.settle(2s);
  CHECK(one.events == "ready;200;timeout");
  CHECK(one.upstreams_fault);
}

}  // namespace tidegate::core
