// One attempt on one upstream connection: what it sends, what it reports, and backpressure in both directions.
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::attempts;
using test::kGet;
using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::UpstreamFixture;

TEST_CASE("a whole exchange, and its connection is kept for the next") {
  UpstreamFixture fixture;
  TestAttempt first(fixture);
  first.start().get();
  CHECK(fixture.far.at(0)->received == kGet);
  fixture.far[0]->say(kOk);
  fixture.settle();
  CHECK(first.events == "ready;200;[hello];complete");
  CHECK(fixture.pool->idle() == 1);
  CHECK(attempts(fixture, "response") == 1);

  TestAttempt second(fixture);
  second.start();
  CHECK(second.events == "ready");  // inside start(): a connection was at hand
  second.get();
  fixture.far[0]->say(kOk);
  fixture.settle();
  CHECK(second.events == "ready;200;[hello];complete");
  CHECK(fixture.far.size() == 1);
}

TEST_CASE("a response that continues may take longer than the attempt's time") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(1s, 1s, 2s).get();
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  for (const char* piece : {"h", "e", "l", "l", "o"}) {
    fixture.settle(1s);
    fixture.far[0]->say(piece);
  }
  fixture.settle();
  CHECK(one.events == "ready;200;[hello];complete");
}

TEST_CASE("interim responses are reported, but too many of them are an error") {
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += ";103";
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start().get();
  for (int i = 0; i < 10; ++i) fixture.far.at(0)->say("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
  fixture.settle();
  CHECK(one.events == "ready" + ten);
  fixture.far[0]->say(kOk);
  fixture.settle();
  CHECK(one.events == "ready" + ten + ";200;[hello];complete");

  TestAttempt two(fixture);
  two.start().get();
  for (int i = 0; i < 11; ++i) fixture.far.at(0)->say("HTTP/1.1 103 Early Hints\r\n\r\n");
  fixture.settle();
  CHECK(two.events == "ready" + ten + ";bad_response");
}

TEST_CASE("a response to HEAD has no body, whatever its length says") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(10s, 3s, 2s, true).get();
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  fixture.settle();
  CHECK(one.events == "ready;200;[];complete");
  CHECK(fixture.pool->idle() == 1);
}

TEST_CASE("a body goes in pieces, counted or in chunks") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    one.start();
    fixture.settle();
    CHECK_FALSE(one.attempt->takes_body());
    one.attempt->send("HEAD|", chunked, "ab");
    CHECK(one.attempt->takes_body());
    one.attempt->send_body("");
    one.attempt->send_body("cdefghijklmnopqr");
    one.attempt->end_body();
    CHECK_FALSE(one.attempt->takes_body());
    fixture.settle();
    CHECK(fixture.far.at(0)->received ==
          (chunked ? "HEAD|2\r\nab\r\n10\r\ncdefghijklmnopqr\r\n0\r\n\r\n" : "HEAD|abcdefghijklmnopqr"));
  }
}

TEST_CASE("a response while the body is still being sent: both go on, the connection is not kept") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start();
  fixture.settle();
  one.attempt->send(kPost, false, "half");
  fixture.settle();
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  fixture.settle();
  CHECK(one.events == "ready;200");
  CHECK(one.attempt->takes_body());
  one.attempt->send_body("ha");
  fixture.settle();
  CHECK(fixture.far[0]->received == std::string(kPost) + "halfha");
  fixture.far[0]->say("llo");
  fixture.settle();
  CHECK(one.events == "ready;200;[hello];complete");
  CHECK_FALSE(one.attempt->takes_body());
  CHECK(fixture.pool->idle() == 0);
  CHECK(fixture.far[0]->left());
}

TEST_CASE("an early response whose request is then sent whole keeps its connection") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start();
  fixture.settle();
  one.attempt->send(kPost, false, "half");
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  fixture.settle();
  one.attempt->send_body("half");
  one.attempt->end_body();
  fixture.settle();
  fixture.far[0]->say("llo");
  fixture.settle();
  CHECK(one.events == "ready;200;[hello];complete");
  CHECK(fixture.pool->idle() == 1);
}

TEST_CASE("backpressure on the request: pending bytes are visible, and their drain is reported") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(60s);
  fixture.settle();
  fixture.far.at(0)->stop_reading();
  one.attempt->send("HEAD|", false, {});
  for (int i = 0; i < 10; ++i) one.attempt->send_body(std::string(50'000, 'x'));
  fixture.settle();
  CHECK(one.attempt->write_pending() > 0);
  CHECK(one.writable == 0);
  fixture.far[0]->start_reading();
  fixture.settle();
  CHECK(one.attempt->write_pending() == 0);
  CHECK(one.writable == 1);
  CHECK(fixture.far[0]->received.size() == 500'005);
}

TEST_CASE(
    "backpressure on the response: a paused attempt holds the upstream back, and its silence meanwhile is no timeout") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(60s, 60s, 2s).get();
  one.pause_at_body = true;
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  fixture.far[0]->say(std::string(1'000'000, 'y'));
  fixture.settle(30s);
  CHECK(one.events == "ready;200");
  CHECK(one.body.size() < 300'000);
  CHECK(fixture.far[0]->write_pending() > 0);
  one.pause_at_body = false;
  one.attempt->resume();
  fixture.settle(1s);
  CHECK(one.body.size() == 1'000'000);
  CHECK(one.events.ends_with(";complete"));
  CHECK(fixture.pool->idle() == 1);
}

}  // namespace tidegate::core
