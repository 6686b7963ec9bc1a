// The end of a server: it announces that it closes connections, and drains.
#include "unit/http/server/server_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_ON_BOTH_RUNTIMES("draining closes idle connections after a moment, lets the others finish, then calls back") {
  ServerFixture<Loop> fixture;
  RawClient idle = fixture.client(request("GET /now"));
  RawClient busy = fixture.client(request("GET /wait"));
  REQUIRE(fixture.until([&] { return idle.has("hello") && !fixture.service.waiting.empty(); }));
  int drained = 0;
  fixture.server.drain([&] { ++drained; }, 1ms);
  REQUIRE(fixture.until([&] { return idle.over(); }));
  CHECK(drained == 0);
  RawClient late = fixture.client(request("GET /now"));
  CHECK(fixture.until([&] { return late.broken; }));
  fixture.service.respond_to_waiting();
  REQUIRE(fixture.until([&] { return busy.over(); }));
  CHECK(busy.has("Connection: close\r\n"));
  busy.leave();
  CHECK(fixture.until([&] { return drained == 1; }));
}

TEST_ON_BOTH_RUNTIMES("a request that arrives on a kept connection while the server drains is served, with close") {
  ServerFixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return client.has("hello"); }));
  bool drained = false;
  fixture.server.drain([&] { drained = true; });
  CHECK_FALSE(client.has("Connection: close\r\n"));
  client.send(request("GET /now"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.count("hello") == 2);
  CHECK(client.has("Connection: close\r\n"));
  client.leave();
  CHECK(fixture.until([&] { return drained; }));
}

TEST_ON_BOTH_RUNTIMES(
    "a response that began without Connection: close before the server drained keeps its connection") {
  ServerFixture<Loop> fixture;
  fixture.service.big_bytes = Loop::kBeyondBuffers;
  RawClient client = fixture.client();
  client.paused = true;
  client.keep = false;
  client.send(request("GET /big"));
  REQUIRE(fixture.until([&] { return fixture.service.has("request /big"); }));
  bool drained = false;
  fixture.server.drain([&] { drained = true; });
  client.resume();
  REQUIRE(fixture.until([&] { return client.received_bytes > fixture.service.big_bytes; }));
  client.keep = true;
  client.send(request("GET /now"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK(client.has("hello"));
  client.leave();
  CHECK(fixture.until([&] { return drained; }));
}

TEST_CASE("a connection that waits to be accepted when the server drains is served") {
  ServerFixture<UvLoop> fixture;
  RawClient waiting = fixture.client(request("GET /now"));
  bool drained = false;
  fixture.server.drain([&] { drained = true; });
  REQUIRE(fixture.until([&] { return waiting.over(); }));
  CHECK(waiting.has("hello"));
  CHECK(waiting.has("Connection: close\r\n"));
  waiting.leave();
  CHECK(fixture.until([&] { return drained; }));
}

TEST_CASE("a connection is not closed as idle under a request that has arrived and was not read") {
  ServerFixture<UvLoop> fixture;
  RawClient client = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return client.has("hello"); }));
  // Due in the same event-loop iteration as the server's timer, and before it: after the sockets have been read.
  constexpr Duration kIdleMax = 20ms;
  net::Timer last_moment(fixture.loop.runtime(), [&] { client.send(request("GET /now")); });
  last_moment.start_after(kIdleMax);
  bool drained = false;
  fixture.server.drain([&] { drained = true; }, kIdleMax);
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.count("hello") == 2);
  client.leave();
  CHECK(fixture.until([&] { return drained; }));
}

TEST_ON_BOTH_RUNTIMES("requests pipelined behind the one in progress are served when the server drains") {
  ServerFixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /wait") + repeated(request("GET /now"), 3));
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  bool drained = false;
  fixture.server.drain([&] { drained = true; });
  fixture.service.respond_to_waiting();
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.count("HTTP/1.1 200 OK\r\n") == 4);
  CHECK(client.count("Connection: close\r\n") == 1);
  CHECK(client.received.rfind("Connection: close\r\n") > client.received.rfind("HTTP/1.1 200 OK\r\n"));
  client.leave();
  CHECK(fixture.until([&] { return drained; }));
}

TEST_ON_BOTH_RUNTIMES(
    "a client that always has one more request waiting is told to leave, after as many as are buffered") {
  ServerFixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /wait") + repeated(request("GET /now"), 40));
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  fixture.server.drain([] {});
  fixture.service.respond_to_waiting();
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.count("HTTP/1.1 200 OK\r\n") == 17);
  CHECK(client.count("Connection: close\r\n") == 1);
}

TEST_ON_BOTH_RUNTIMES("a server that announces the close says so in each response, and serves on") {
  ServerFixture<Loop> fixture;
  RawClient idle = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return idle.has("hello"); }));
  fixture.server.announce_close();
  RawClient late = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return late.over(); }));
  CHECK(late.has("Connection: close\r\n"));
  CHECK_FALSE(idle.over());
  idle.send(request("GET /now") + request("GET /now"));
  REQUIRE(fixture.until([&] { return idle.over(); }));
  CHECK(idle.count("hello") == 3);
  CHECK(idle.count("Connection: close\r\n") == 1);
}
