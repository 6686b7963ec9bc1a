// Every way in which one attempt can end without a complete response.
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::attempts;
using test::kGet;
using test::kOk;
using test::kPost;
using test::TestAttempt;
using test::UpstreamFixture;

TEST_CASE("connect_failure: nobody listens") {
  UpstreamFixture fixture;
  fixture.go_away();
  TestAttempt one(fixture);
  one.start();
  fixture.settle();
  CHECK(one.events == ";connect_failure");
  CHECK(attempts(fixture, "connect_failure") == 1);
}

TEST_CASE("connect_failure: no connection within the attempt's time") {
  UpstreamFixture fixture;
  net::SimLink link;
  link.blackhole = 1;
  fixture.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
  TestAttempt one(fixture);
  one.start(1s);
  fixture.settle(990ms);
  CHECK(one.events.empty());
  fixture.settle(20ms);
  CHECK(one.events == ";connect_failure");
  one.attempt.reset();
  CHECK(fixture.runtime.open_operations() == 0);
  CHECK(fixture.pool->in_use() == 0);
}

TEST_CASE("timeout: response_header runs from the request's last byte") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(10s, 3s);
  fixture.settle();
  one.attempt->send(kPost, false, "half");
  fixture.settle(5s);
  CHECK(one.events == "ready");  // still sending
  one.attempt->send_body("half");
  one.attempt->end_body();
  fixture.settle(2900ms);
  CHECK(one.events == "ready");
  fixture.settle(200ms);
  CHECK(one.events == "ready;timeout");
  fixture.settle();
  CHECK(fixture.far.at(0)->left());
  CHECK(fixture.pool->idle() == 0);
  CHECK(attempts(fixture, "timeout") == 1);
}

TEST_CASE("timeout: the attempt's own deadline comes before response_header") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(1s, 30s).get();
  fixture.settle(1s);
  CHECK(one.events == "ready;timeout");
}

TEST_CASE("timeout: an upstream that does not take the body has failed") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(2s);
  fixture.settle();
  fixture.far.at(0)->stop_reading();
  one.attempt->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", false, std::string(500'000, 'x'));
  fixture.settle(1s);
  CHECK(one.attempt->write_pending() > 0);
  fixture.settle(1s);
  CHECK(one.events == "ready;timeout");
}

TEST_CASE("starved: where the caller's own body does not come, the upstream has not failed") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(2s);
  fixture.settle();
  one.attempt->send(kPost, false, "half");
  fixture.settle(2s);
  CHECK(one.events == "ready;starved");
  one.attempt.reset();
  fixture.settle();
  CHECK(fixture.far.at(0)->left());
  CHECK(attempts(fixture, "timeout") == 0);
  CHECK(attempts(fixture, "cancelled") == 1);
}

TEST_CASE("timeout: silence inside a response, counted from its last byte") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(60s, 60s, 2s).get();
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  fixture.settle(1500ms);
  fixture.far[0]->say("he");
  fixture.settle(1500ms);
  CHECK(one.events == "ready;200");
  fixture.settle(1s);
  CHECK(one.events == "ready;200;timeout");
}

TEST_CASE("reset: the upstream leaves before and during its response") {
  for (const char* said : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    for (const bool hard : {false, true}) {
      CAPTURE(hard);
      UpstreamFixture fixture;
      TestAttempt one(fixture);
      one.start().get();
      fixture.far.at(0)->say(said);
      fixture.settle();
      hard ? fixture.far[0]->reset() : fixture.far[0]->end();
      fixture.settle();
      CHECK(one.events.ends_with(";reset"));
      CHECK(fixture.pool->idle() == 0);
      CHECK(fixture.pool->in_use() == 0);
      CHECK(attempts(fixture, "reset") == 1);
    }
  }
}

TEST_CASE("bad_response: what breaks HTTP's rules") {
  for (const char* said : {"rubbish\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                           "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    one.start().get();
    fixture.far.at(0)->say(said);
    fixture.settle();
    CHECK(one.events == "ready;bad_response");
    CHECK(attempts(fixture, "bad_response") == 1);
    CHECK(fixture.far[0]->left());
  }
}

TEST_CASE("silence after resume is a timeout, counted from there") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start(60s, 60s, 2s).get();
  one.pause_at_body = true;
  fixture.far.at(0)->say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  fixture.settle(10s);
  one.attempt->resume();
  fixture.settle(1900ms);
  CHECK(one.events == "ready;200");
  fixture.settle(2200ms);
  CHECK(one.events == "ready;200;timeout");
}

TEST_CASE("destroying an attempt ends it at once, in every state, and is silent") {
  for (const char* said : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe"}) {
    UpstreamFixture fixture;
    TestAttempt one(fixture);
    one.start().get();
    fixture.far.at(0)->say(said);
    fixture.settle();
    const std::string before = one.events;
    one.attempt.reset();
    fixture.settle(60s);
    CHECK(one.events == before);
    CHECK(fixture.far[0]->left());
    CHECK(attempts(fixture, "cancelled") == 1);
    CHECK(fixture.runtime.active_timers() == 0);
  }
  UpstreamFixture fixture;
  TestAttempt connecting(fixture);
  connecting.start();
  connecting.attempt.reset();
  fixture.settle(60s);
  CHECK(connecting.events.empty());
  CHECK(fixture.pool->in_use() == 0);
  CHECK(fixture.runtime.open_operations() == 0);
}

TEST_CASE("an attempt may be destroyed inside its own callback") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.leave_at_head = true;
  one.start().get();
  fixture.far.at(0)->say(kOk);
  fixture.settle();
  CHECK(one.events == "ready;200");
  CHECK(one.body.empty());
  CHECK(fixture.far[0]->left());
}

TEST_CASE("a 101 that was asked for ends the attempt as a success, which keeps the connection's room to its end") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.upgrade = "websocket";
  one.start().get();
  fixture.far.at(0)->say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi");
  fixture.settle();
  CHECK(one.events == "ready;switched:hi");
  CHECK(attempts(fixture, "response") == 1);
  fixture.settle(600s);  // no time holds any more
  CHECK(one.events == "ready;switched:hi");
  CHECK(fixture.pool->in_use() == 1);
  one.attempt.reset();
  CHECK(fixture.pool->in_use() == 0);
  CHECK(fixture.pool->idle() == 0);
  CHECK_FALSE(fixture.far[0]->left());
  CHECK(attempts(fixture, "cancelled") == 0);
  one.switched.reset();
  fixture.settle();
  CHECK(fixture.far[0]->left());
}

}  // namespace tidegate::core
