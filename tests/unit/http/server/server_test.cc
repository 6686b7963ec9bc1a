#include "http/server/server.h"

#include <doctest/doctest.h>

#include <string>

#include "unit/http/parser/transcript.h"
#include "unit/http/raw_client.h"
#include "unit/http/server/test_service.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::test;

#define TEST_ON_BOTH_RUNTIMES(name) TEST_CASE_TEMPLATE(name, Loop, SimLoop, UvLoop)

namespace {

template <typename Loop>
struct Fixture {
  explicit Fixture(const http::ServerLimits& limits = {}) : server(loop.runtime(), limits, service) {
    REQUIRE(server.listen(any_port()).ok());
  }
  RawClient client(std::string bytes = {}) { return {loop.runtime(), server.address(), std::move(bytes)}; }
  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }

  Loop loop;
  TestService service;
  http::Server server;
};

std::string request(const std::string& line, const std::string& fields = {}, const std::string& body = {}) {
  return line + " HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n" + body;
}

std::string post(const std::string& path, const std::string& body) {
  return request("POST " + path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

}  // namespace

TEST_ON_BOTH_RUNTIMES("a request is answered with date, length and nothing about closing") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return client.has("hello"); }));
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
  CHECK(client.has("\r\nContent-Length: 5\r\n\r\nhello"));
  CHECK_FALSE(client.has("Connection"));
  client.send(request("GET /now"));
  CHECK(fixture.until([&] { return client.count("hello") == 2; }));
}

TEST_ON_BOTH_RUNTIMES("pipelined requests are answered in order, each after the one before") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /wait") + post("/echo", "second") + request("GET /now"));
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  CHECK(fixture.service.log.size() == 2);  // the first request and its body's end: the others wait
  fixture.service.respond_to_waiting();
  REQUIRE(fixture.until([&] { return client.has("hello"); }));
  CHECK(client.received.find("waited") < client.received.find("second"));
  CHECK(client.received.find("second") < client.received.find("hello"));
}

TEST_ON_BOTH_RUNTIMES("more pipelined requests than the buffer holds are all answered") {
  Fixture<Loop> fixture;
  std::string burst;
  for (int i = 0; i < 5000; ++i) burst += request("GET /wait");
  RawClient client = fixture.client(burst);
  int answered = 0;
  while (answered < 5000 && fixture.until([&] { return !fixture.service.waiting.empty(); })) {
    fixture.service.respond_to_waiting();
    ++answered;
  }
  CHECK(fixture.until([&] { return client.count("waited") == 5000; }));
}

TEST_ON_BOTH_RUNTIMES("a response to HEAD has the length and no body") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("HEAD /now") + request("GET /empty") + request("GET /now"));
  REQUIRE(fixture.until([&] { return client.has("hello"); }));
  CHECK(client.count("hello") == 1);
  CHECK(client.count("Content-Length: 5") == 2);
  CHECK(client.count("Content-Length") == 2);  // none with 204
}

TEST_ON_BOTH_RUNTIMES("a response of unknown length is chunked") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /chunks"));
  REQUIRE(fixture.until([&] { return client.has("0\r\n\r\n"); }));
  CHECK(client.has("Transfer-Encoding: chunked\r\n\r\n4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n"));
}

TEST_ON_BOTH_RUNTIMES("HTTP/1.0 is closed unless it asks to be kept, and never gets chunks") {
  Fixture<Loop> fixture;
  RawClient kept = fixture.client("GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(fixture.until([&] { return kept.has("hello"); }));
  CHECK(kept.has("Connection: keep-alive\r\n"));
  RawClient closed = fixture.client("GET /chunks HTTP/1.0\r\n\r\n");
  REQUIRE(fixture.until([&] { return closed.over(); }));
  CHECK(closed.received.ends_with("Connection: close\r\n\r\none,two,three"));
  CHECK_FALSE(closed.broken);
  CHECK_FALSE(kept.over());
}

TEST_ON_BOTH_RUNTIMES("a client of HTTP/1.0 that ends its side still gets its response") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client("GET /wait HTTP/1.0\r\n\r\n");
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  client.end();
  RawClient other = fixture.client(request("GET /now"));
  REQUIRE(fixture.until([&] { return other.has("hello"); }));
  fixture.service.respond_to_waiting();
  CHECK(fixture.until([&] { return client.has("waited") && client.ended; }));
}

TEST_ON_BOTH_RUNTIMES("a refused request is answered once, then the connection ends and nothing more is parsed") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client("GET / HTTP/1.1\r\nHost : a\r\n\r\n" + request("GET /now"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(client.has("X-Refused: yes\r\n"));
  CHECK(client.received.ends_with("Connection: close\r\n\r\nbad_request"));
  CHECK_FALSE(client.broken);
  CHECK(fixture.service.log == std::vector<std::string>{"refused 400"});
}

TEST_ON_BOTH_RUNTIMES("after Connection: close nothing more is parsed") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("GET /now", "Connection: close\r\n") + request("GET /smuggled"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK_FALSE(fixture.service.has("request /smuggled"));
  CHECK_FALSE(client.broken);
}

TEST_ON_BOTH_RUNTIMES("a body known to be too large is refused before the service sees it") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  Fixture<Loop> fixture(limits);
  RawClient client = fixture.client(post("/echo", "12345"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(fixture.service.log == std::vector<std::string>{"refused 413"});
}

TEST_ON_BOTH_RUNTIMES("a chunked body that grows too large is the handler's to answer, and the connection ends") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  Fixture<Loop> fixture(limits);
  RawClient client =
      fixture.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(fixture.service.has("error 413"));
  CHECK_FALSE(fixture.service.has("end"));
}

TEST_ON_BOTH_RUNTIMES("a chunked body that breaks the rules is reported as 400") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabcX"));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 400 "));
  CHECK(fixture.service.has("error 400"));
}

TEST_ON_BOTH_RUNTIMES("an unread body is drained and never parsed as a request") {
  Fixture<Loop> fixture;
  const std::string hidden = request("GET /smuggled");
  RawClient client = fixture.client(post("/early", hidden) + request("GET /empty"));
  REQUIRE(fixture.until([&] { return client.has("204 No Content"); }));
  CHECK(client.count("HTTP/1.1 ") == 2);
  CHECK_FALSE(fixture.service.has("request /smuggled"));
}

TEST_ON_BOTH_RUNTIMES("a response before a long body says that the connection will close, and reaches the client") {
  Fixture<Loop> fixture;
  RawClient client = fixture.client(request("POST /early", "Content-Length: 3000000\r\n", std::string(300000, 'x')));
  REQUIRE(fixture.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK(client.has("hello"));
}

TEST_ON_BOTH_RUNTIMES("100 Continue is sent when the body is wanted, not before") {
  Fixture<Loop> fixture;
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

TEST_ON_BOTH_RUNTIMES("a client that leaves is reported to the handler once") {
  Fixture<Loop> fixture;
  RawClient waiting = fixture.client(request("GET /wait"));
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  waiting.leave();
  REQUIRE(fixture.until([&] { return fixture.server.connections() == 0; }));
  RawClient sending = fixture.client(request("POST /echo", "Content-Length: 9\r\n", "abc"));
  REQUIRE(fixture.until([&] { return fixture.service.body_bytes == 3; }));
  sending.leave();
  REQUIRE(fixture.until([&] { return fixture.server.connections() == 0; }));
  CHECK(std::count(fixture.service.log.begin(), fixture.service.log.end(), "gone") == 2);
}

TEST_ON_BOTH_RUNTIMES("a response that cannot be completed never looks whole") {
  Fixture<Loop> fixture;
  for (const char* path : {"/half", "/short", "/drop"}) {
    CAPTURE(path);
    RawClient client = fixture.client(request(std::string("GET ") + path));
    REQUIRE(fixture.until([&] { return client.over(); }));
    const auto seen = read_response(client.received, false, client.ended);
    CHECK(seen.messages == 0);
    CHECK((client.broken || seen.refused));  // libuv tells a reset behind data as an end
    CHECK(fixture.until([&] { return fixture.server.connections() == 0; }));
  }
}

TEST_ON_BOTH_RUNTIMES("a large response waits for a slow client in bounded memory") {
  Fixture<Loop> fixture;
  fixture.service.big_bytes = 50 << 20;
  RawClient client = fixture.client();
  client.keep = false;
  client.paused = true;
  client.send(request("GET /big"));
  REQUIRE(fixture.until([&] { return fixture.service.big_pending_max > 0; }));
  CHECK_FALSE(client.over());
  client.resume();
  REQUIRE(fixture.until([&] { return client.received_bytes >= fixture.service.big_bytes; }));
  CHECK(fixture.service.big_pending_max <= 64 * 1024);
}

TEST_ON_BOTH_RUNTIMES("a paused body stays with the client beyond one buffer") {
  http::ServerLimits limits;
  limits.body_bytes = 64 << 20;
  Fixture<Loop> fixture(limits);
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

TEST_ON_BOTH_RUNTIMES("connections beyond the limit are closed") {
  http::ServerLimits limits;
  limits.connections = 1;
  Fixture<Loop> fixture(limits);
  RawClient first = fixture.client(request("GET /wait"));
  REQUIRE(fixture.until([&] { return !fixture.service.waiting.empty(); }));
  RawClient second = fixture.client();
  CHECK(fixture.until([&] { return second.over(); }));
  CHECK_FALSE(first.over());
}

TEST_ON_BOTH_RUNTIMES("draining closes idle connections, lets the others finish, then calls back") {
  Fixture<Loop> fixture;
  RawClient idle = fixture.client(request("GET /now"));
  RawClient busy = fixture.client(request("GET /wait"));
  REQUIRE(fixture.until([&] { return idle.has("hello") && !fixture.service.waiting.empty(); }));
  int drained = 0;
  fixture.server.drain([&] { ++drained; });
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

TEST_ON_BOTH_RUNTIMES("a server that is destroyed ends everything at once") {
  Loop loop;
  TestService service;
  auto server = std::make_unique<http::Server>(loop.runtime(), http::ServerLimits{}, service);
  REQUIRE(server->listen(any_port()).ok());
  RawClient client(loop.runtime(), server->address(), request("GET /wait"));
  REQUIRE(loop.run_until([&] { return !service.waiting.empty(); }));
  server.reset();
  CHECK(service.has("gone"));
  CHECK(loop.run_until([&] { return client.over(); }));
}
