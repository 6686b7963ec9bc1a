// Limits in time, in simulated time only.
#include <doctest/doctest.h>

#include "http/server/server.h"
#include "unit/http/raw_client.h"
#include "unit/http/server/test_service.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

http::ServerLimits short_limits() {
  http::ServerLimits limits;
  limits.header_timeout = 5s;
  limits.body_timeout = 10s;
  limits.write_timeout = 20s;
  limits.idle_timeout = 30s;
  return limits;
}

struct TimeFixture {
  TimeFixture() : server(loop, short_limits(), service) { REQUIRE(server.listen(any_port()).ok()); }
  net::SimRuntime loop{3};
  TestService service;
  http::Server server;
};

}  // namespace

TEST_CASE("request headers that do not end in time get 408") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(), "GET / HTTP/1.1\r\n");
  fixture.loop.run_for(4s);
  client.send("X: y\r\n");  // progress does not extend it
  fixture.loop.run_for(900ms);
  CHECK_FALSE(client.over());
  fixture.loop.run_for(200ms);
  CHECK(client.received.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(client.ended);
}

TEST_CASE("a connection on which nothing comes is closed without a response") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address());
  fixture.loop.run_for(29s);
  CHECK_FALSE(client.over());
  fixture.loop.run_for(2s);
  CHECK(client.ended);
  CHECK(client.received.empty());
  CHECK(fixture.server.connections() == 0);
}

TEST_CASE("the idle limit counts from the last response") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address());
  fixture.loop.run_for(20s);
  client.send("GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.loop.run_for(29s);
  CHECK(client.has("hello"));
  CHECK_FALSE(client.over());
  fixture.loop.run_for(2s);
  CHECK(client.ended);
}

TEST_CASE("a body that falls silent is reported to the handler as 408") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(),
                   "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  for (int i = 0; i < 3; ++i) {
    fixture.loop.run_for(9s);
    client.send("x");
  }
  fixture.loop.run_for(9s);
  CHECK_FALSE(fixture.service.has("error 408"));
  fixture.loop.run_for(2s);
  CHECK(fixture.service.has("error 408"));
  CHECK(client.received.starts_with("HTTP/1.1 408 "));
  CHECK(client.ended);
}

TEST_CASE("a body that is paused has no limit in time") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(),
                   "POST /paused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  fixture.loop.run_for(60s);
  CHECK_FALSE(client.over());
  client.send("12345");
  fixture.service.resume_paused();
  fixture.loop.run_for(1s);
  CHECK(client.has("HTTP/1.1 200 OK"));
}

TEST_CASE("a client that takes nothing of its response is disconnected") {
  TimeFixture fixture;
  fixture.service.big_bytes = 10 << 20;
  RawClient client(fixture.loop, fixture.server.address());
  client.paused = true;
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.loop.run_for(19s);
  CHECK(fixture.server.connections() == 1);
  fixture.loop.run_for(7s);
  CHECK(fixture.server.connections() == 0);
  CHECK(fixture.service.has("gone"));
}

TEST_CASE("draining an unread body ends after two seconds") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(),
                   "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  fixture.loop.run_for(1900ms);
  CHECK(client.has("hello"));
  CHECK_FALSE(client.over());
  fixture.loop.run_for(200ms);
  CHECK(client.ended);
  fixture.loop.run_for(1100ms);
  CHECK(fixture.server.connections() == 0);
}

TEST_CASE("draining waits one second for the next request, from its beginning or from the last response") {
  TimeFixture fixture;
  RawClient idle(fixture.loop, fixture.server.address(), "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  RawClient waiting(fixture.loop, fixture.server.address(), "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.loop.run_for(20s);
  bool drained = false;
  fixture.server.drain([&] { drained = true; });
  fixture.loop.run_for(900ms);
  CHECK_FALSE(idle.over());
  fixture.loop.run_for(200ms);
  CHECK(idle.ended);
  CHECK_FALSE(waiting.over());
  fixture.service.respond_to_waiting();
  fixture.loop.run_for(100ms);
  CHECK(waiting.has("Connection: close\r\n"));
  waiting.leave();
  fixture.loop.run_for(100ms);
  CHECK(drained);
}

TEST_CASE("a request whose headers are arriving when the server drains is awaited as long as ever, and served") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(), "GET /now HTTP/1.1\r\n");
  fixture.loop.run_for(1s);
  fixture.server.drain([] {});
  fixture.loop.run_for(3s);
  client.send("Host: a\r\n\r\n");
  fixture.loop.run_for(100ms);
  CHECK(client.has("hello"));
  CHECK(client.has("Connection: close\r\n"));
}

TEST_CASE("a client that never ends its side is closed after one second") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(), "rubbish\r\n");
  fixture.loop.run_for(500ms);
  CHECK(client.ended);
  CHECK(fixture.server.connections() == 1);
  fixture.loop.run_for(600ms);
  CHECK(fixture.server.connections() == 0);
}

TEST_CASE("nothing is left open at the end") {
  TimeFixture fixture;
  {
    RawClient client(fixture.loop, fixture.server.address(), "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture.loop.run_for(1s);
    CHECK(client.has("hello"));
  }
  fixture.loop.run_for(1s);
  CHECK(fixture.server.connections() == 0);
  CHECK(fixture.loop.open_streams() == 0);
  CHECK(fixture.loop.active_timers() == 0);
}

TEST_CASE("other limits hold for the next request: one that has begun keeps its own") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(),
                   "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
  fixture.loop.run_for(1s);
  http::ServerLimits shorter = short_limits();
  shorter.body_timeout = 2s;
  fixture.server.set_limits(shorter);
  fixture.loop.run_for(8s);
  CHECK_FALSE(fixture.service.has("error 408"));
  client.send("x");
  fixture.loop.run_for(1s);
  CHECK(client.received.starts_with("HTTP/1.1 200 "));
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
  fixture.loop.run_for(3s);
  CHECK(fixture.service.has("error 408"));
}

TEST_CASE("a response that has begun to be written keeps its limit, too") {
  TimeFixture fixture;
  RawClient client(fixture.loop, fixture.server.address(), "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  client.paused = true;
  fixture.loop.run_for(1s);
  http::ServerLimits shorter = short_limits();
  shorter.write_timeout = 2s;
  fixture.server.set_limits(shorter);
  fixture.loop.run_for(15s);
  CHECK(fixture.server.connections() == 1);
  fixture.loop.run_for(20s);
  CHECK(fixture.server.connections() == 0);
}
