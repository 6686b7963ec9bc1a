// Bodies of requests: their limits, those that nobody reads, and 100 Continue.
#include "unit/http/server/server_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

TEST_ON_BOTH_RUNTIMES("a body known to be too large is refused before the service sees it") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  ServerFixture<Loop> fixture(limits);
  RawClient client = fixture.client(post("/echo", "12345"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(fixture.service.log == std::vector<std::string>{"refused 413"});
}

TEST_ON_BOTH_RUNTIMES("a chunked body that grows too large is the handler's to answer, and the connection ends") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  ServerFixture<Loop> fixture(limits);
  RawClient client =
      fixture.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(fixture.service.has("error 413"));
  CHECK_FALSE(fixture.service.has("end"));
}

TEST_ON_BOTH_RUNTIMES("a chunked body that breaks the rules is reported as 400") {
  ServerFixture<Loop> fixture;
  RawClient client = fixture.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabcX"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 400 "));
  CHECK(fixture.service.has("error 400"));
}

TEST_ON_BOTH_RUNTIMES("an unread body is drained and never parsed as a request") {
  ServerFixture<Loop> fixture;
  const std::string hidden = request("GET /smuggled");
  RawClient client = fixture.client(post("/early", hidden) + request("GET /empty"));
  REQUIRE(fixture.until([&] { return client.has("204 No Content"); }));
  CHECK(client.count("HTTP/1.1 ") == 2);
  CHECK_FALSE(fixture.service.has("request /smuggled"));
}

TEST_ON_BOTH_RUNTIMES("a response before a long body says that the connection will close, and reaches the client") {
  ServerFixture<Loop> fixture;
  RawClient client = fixture.client(request("POST /early", "Content-Length: 3000000\r\n", std::string(300000, 'x')));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK(client.has("hello"));
}

TEST_ON_BOTH_RUNTIMES("100 Continue is sent when the body is wanted, not before") {
  ServerFixture<Loop> fixture;
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  RawClient eager = fixture.client(request("POST /echo", expect));
  REQUIRE(fixture.until([&] { return eager.has("HTTP/1.1 100 Continue\r\n\r\n"); }));
  eager.send("12345");
  CHECK(fixture.until([&] { return eager.received.ends_with("12345"); }));

  RawClient paused = fixture.client(request("POST /paused", expect));
  REQUIRE(fixture.until([&] { return fixture.service.paused != nullptr; }));
  RawClient other = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return other.has("hello"); }));
  CHECK(paused.received.empty());
  fixture.service.resume_paused();
  REQUIRE(fixture.until([&] { return paused.has("100 Continue"); }));
  paused.send("12345");
  CHECK(fixture.until([&] { return paused.has("HTTP/1.1 200 OK"); }));

  RawClient refused = fixture.client(request("POST /early", expect));
  REQUIRE(fixture.until([&] { return refused.over(); }));
  CHECK_FALSE(refused.has("100 Continue"));
  CHECK(refused.has("Connection: close\r\n"));
}

TEST_ON_BOTH_RUNTIMES("a paused body stays with the client beyond one buffer") {
  http::ServerLimits limits;
  limits.body_bytes = 64 << 20;
  ServerFixture<Loop> fixture(limits);
  const std::string body(50 << 20, 'x');
  RawClient client = fixture.client(post("/paused", body));
  REQUIRE(fixture.until([&] { return fixture.service.paused != nullptr; }));
  RawClient other = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return other.has("hello"); }));
  CHECK(fixture.service.body_bytes == 0);
  CHECK(client.write_pending() > (30u << 20));
  fixture.service.resume_paused();
  REQUIRE(fixture.until([&] { return client.has("HTTP/1.1 200 OK"); }));
  CHECK(fixture.service.body_bytes == body.size());
}
