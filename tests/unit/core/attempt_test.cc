// One try on one upstream connection: what it sends, what it tells, and how both directions are held back.
#include "unit/core/attempt_rig.h"

namespace tidegate::core {

using test::kGet;
using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::tries;
using test::UpstreamRig;

TEST_CASE("a whole exchange, and its connection is kept for the next") {
  UpstreamRig rig;
  TestAttempt first(rig);
  first.start().get();
  CHECK(rig.far.at(0)->received == kGet);
  rig.far[0]->say(kOk);
  rig.settle();
  CHECK(first.heard == "ready;200;[hello];complete");
  CHECK(rig.pool->idle() == 1);
  CHECK(tries(rig, "response") == 1);

  TestAttempt second(rig);
  second.start();
  CHECK(second.heard == "ready");  // inside start(): a connection was at hand
  second.get();
  rig.far[0]->say(kOk);
  rig.settle();
  CHECK(second.heard == "ready;200;[hello];complete");
  CHECK(rig.far.size() == 1);
}

TEST_CASE("an answer that goes on may take longer than the try's time") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(1s, 1s, 2s).get();
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  for (const char* piece : {"h", "e", "l", "l", "o"}) {
    rig.settle(1s);
    rig.far[0]->say(piece);
  }
  rig.settle();
  CHECK(one.heard == "ready;200;[hello];complete");
}

TEST_CASE("interim answers are not told, but too many of them are bad") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start().get();
  for (int i = 0; i < 10; ++i) rig.far.at(0)->say("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
  rig.settle();
  CHECK(one.heard == "ready");
  rig.far[0]->say(kOk);
  rig.settle();
  CHECK(one.heard == "ready;200;[hello];complete");

  TestAttempt two(rig);
  two.start().get();
  for (int i = 0; i < 11; ++i) rig.far.at(0)->say("HTTP/1.1 103 Early Hints\r\n\r\n");
  rig.settle();
  CHECK(two.heard == "ready;bad_response");
}

TEST_CASE("an answer to HEAD has no body, whatever its length says") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(10s, 3s, 2s, true).get();
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  rig.settle();
  CHECK(one.heard == "ready;200;[];complete");
  CHECK(rig.pool->idle() == 1);
}

TEST_CASE("a body goes in pieces, counted or in chunks") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    UpstreamRig rig;
    TestAttempt one(rig);
    one.start();
    rig.settle();
    CHECK_FALSE(one.attempt->takes_body());
    one.attempt->send("HEAD|", chunked, "ab");
    CHECK(one.attempt->takes_body());
    one.attempt->send_body("");
    one.attempt->send_body("cdefghijklmnopqr");
    one.attempt->end_body();
    CHECK_FALSE(one.attempt->takes_body());
    rig.settle();
    CHECK(rig.far.at(0)->received ==
          (chunked ? "HEAD|2\r\nab\r\n10\r\ncdefghijklmnopqr\r\n0\r\n\r\n" : "HEAD|abcdefghijklmnopqr"));
  }
}

TEST_CASE("an answer while the body is still being sent: both go on, the connection is not kept") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start();
  rig.settle();
  one.attempt->send(kPost, false, "half");
  rig.settle();
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  rig.settle();
  CHECK(one.heard == "ready;200");
  CHECK(one.attempt->takes_body());
  one.attempt->send_body("ha");
  rig.settle();
  CHECK(rig.far[0]->received == std::string(kPost) + "halfha");
  rig.far[0]->say("llo");
  rig.settle();
  CHECK(one.heard == "ready;200;[hello];complete");
  CHECK_FALSE(one.attempt->takes_body());
  CHECK(rig.pool->idle() == 0);
  CHECK(rig.far[0]->left());
}

TEST_CASE("an early answer whose request is then sent whole keeps its connection") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start();
  rig.settle();
  one.attempt->send(kPost, false, "half");
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  rig.settle();
  one.attempt->send_body("half");
  one.attempt->end_body();
  rig.settle();
  rig.far[0]->say("llo");
  rig.settle();
  CHECK(one.heard == "ready;200;[hello];complete");
  CHECK(rig.pool->idle() == 1);
}

TEST_CASE("backpressure on the request: pending bytes are seen, and their leaving is told") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(60s);
  rig.settle();
  rig.far.at(0)->stop_reading();
  one.attempt->send("HEAD|", false, {});
  for (int i = 0; i < 10; ++i) one.attempt->send_body(std::string(50'000, 'x'));
  rig.settle();
  CHECK(one.attempt->write_pending() > 0);
  CHECK(one.writable == 0);
  rig.far[0]->start_reading();
  rig.settle();
  CHECK(one.attempt->write_pending() == 0);
  CHECK(one.writable == 1);
  CHECK(rig.far[0]->received.size() == 500'005);
}

TEST_CASE("backpressure on the answer: a paused attempt holds the upstream back, and silence of ours is no timeout") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(60s, 60s, 2s).get();
  one.pause_at_body = true;
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  rig.far[0]->say(std::string(1'000'000, 'y'));
  rig.settle(30s);
  CHECK(one.heard == "ready;200");
  CHECK(one.body.size() < 300'000);
  CHECK(rig.far[0]->write_pending() > 0);
  one.pause_at_body = false;
  one.attempt->resume();
  rig.settle(1s);
  CHECK(one.body.size() == 1'000'000);
  CHECK(one.heard.ends_with(";complete"));
  CHECK(rig.pool->idle() == 1);
}

}  // namespace tidegate::core
