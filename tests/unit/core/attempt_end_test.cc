// Every way in which one try can end without an answer.
#include "unit/core/attempt_rig.h"

namespace tidegate::core {

using test::kGet;
using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::tries;
using test::UpstreamRig;

TEST_CASE("connect_failure: nobody listens") {
  UpstreamRig rig;
  rig.go_away();
  TestAttempt one(rig);
  one.start();
  rig.settle();
  CHECK(one.heard == ";connect_failure");
  CHECK(tries(rig, "connect_failure") == 1);
}

TEST_CASE("connect_failure: no connection within the try's time") {
  UpstreamRig rig;
  net::SimLink link;
  link.blackhole = 1;
  rig.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
  TestAttempt one(rig);
  one.start(1s);
  rig.settle(990ms);
  CHECK(one.heard.empty());
  rig.settle(20ms);
  CHECK(one.heard == ";connect_failure");
  one.attempt.reset();
  CHECK(rig.runtime.open_operations() == 0);
  CHECK(rig.pool->in_use() == 0);
}

TEST_CASE("timeout: response_header runs from the request's last byte") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(10s, 3s);
  rig.settle();
  one.attempt->send(kPost, false, "half");
  rig.settle(5s);
  CHECK(one.heard == "ready");  // still sending
  one.attempt->send_body("half");
  one.attempt->end_body();
  rig.settle(2900ms);
  CHECK(one.heard == "ready");
  rig.settle(200ms);
  CHECK(one.heard == "ready;timeout");
  rig.settle();
  CHECK(rig.far.at(0)->left());
  CHECK(rig.pool->idle() == 0);
  CHECK(tries(rig, "timeout") == 1);
}

TEST_CASE("timeout: the try's own deadline comes before response_header") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(1s, 30s).get();
  rig.settle(1s);
  CHECK(one.heard == "ready;timeout");
}

TEST_CASE("timeout: an upstream that does not take the body has failed") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(2s);
  rig.settle();
  rig.far.at(0)->stop_reading();
  one.attempt->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", false, std::string(500'000, 'x'));
  rig.settle(1s);
  CHECK(one.attempt->write_pending() > 0);
  rig.settle(1s);
  CHECK(one.heard == "ready;timeout");
}

TEST_CASE("starved: where the caller's own body does not come, the upstream has not failed") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(2s);
  rig.settle();
  one.attempt->send(kPost, false, "half");
  rig.settle(2s);
  CHECK(one.heard == "ready;starved");
  one.attempt.reset();
  rig.settle();
  CHECK(rig.far.at(0)->left());
  CHECK(tries(rig, "timeout") == 0);
  CHECK(tries(rig, "cancelled") == 1);
}

TEST_CASE("timeout: silence inside an answer, counted from its last byte") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(60s, 60s, 2s).get();
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  rig.settle(1500ms);
  rig.far[0]->say("he");
  rig.settle(1500ms);
  CHECK(one.heard == "ready;200");
  rig.settle(1s);
  CHECK(one.heard == "ready;200;timeout");
}

TEST_CASE("reset: the upstream leaves before, inside and by the side of its answer") {
  for (const char* said : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    for (const bool hard : {false, true}) {
      CAPTURE(hard);
      UpstreamRig rig;
      TestAttempt one(rig);
      one.start().get();
      rig.far.at(0)->say(said);
      rig.settle();
      hard ? rig.far[0]->reset() : rig.far[0]->end();
      rig.settle();
      CHECK(one.heard.ends_with(";reset"));
      CHECK(rig.pool->idle() == 0);
      CHECK(rig.pool->in_use() == 0);
      CHECK(tries(rig, "reset") == 1);
    }
  }
}

TEST_CASE("bad_response: what breaks HTTP's rules") {
  for (const char* said : {"rubbish\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                           "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    UpstreamRig rig;
    TestAttempt one(rig);
    one.start().get();
    rig.far.at(0)->say(said);
    rig.settle();
    CHECK(one.heard == "ready;bad_response");
    CHECK(tries(rig, "bad_response") == 1);
    CHECK(rig.far[0]->left());
  }
}

TEST_CASE("silence after resume is a timeout, counted from there") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.start(60s, 60s, 2s).get();
  one.pause_at_body = true;
  rig.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  rig.settle(10s);
  one.attempt->resume();
  rig.settle(1900ms);
  CHECK(one.heard == "ready;200");
  rig.settle(2200ms);
  CHECK(one.heard == "ready;200;timeout");
}

TEST_CASE("destroying an attempt ends it at once, in every state, and is silent") {
  for (const char* said : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe"}) {
    UpstreamRig rig;
    TestAttempt one(rig);
    one.start().get();
    rig.far.at(0)->say(said);
    rig.settle();
    const std::string before = one.heard;
    one.attempt.reset();
    rig.settle(60s);
    CHECK(one.heard == before);
    CHECK(rig.far[0]->left());
    CHECK(tries(rig, "cancelled") == 1);
    CHECK(rig.runtime.active_timers() == 0);
  }
  UpstreamRig rig;
  TestAttempt connecting(rig);
  connecting.start();
  connecting.attempt.reset();
  rig.settle(60s);
  CHECK(connecting.heard.empty());
  CHECK(rig.pool->in_use() == 0);
  CHECK(rig.runtime.open_operations() == 0);
}

TEST_CASE("an attempt may be destroyed inside its own callback") {
  UpstreamRig rig;
  TestAttempt one(rig);
  one.leave_at_head = true;
  one.start().get();
  rig.far.at(0)->say(kOk);
  rig.settle();
  CHECK(one.heard == "ready;200");
  CHECK(one.body.empty());
  CHECK(rig.far[0]->left());
}

}  // namespace tidegate::core
