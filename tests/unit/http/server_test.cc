#include "http/server/server.h"

#include <doctest/doctest.h>

#include <string>

#include "unit/http/raw_client.h"
#include "unit/http/test_service.h"
#include "unit/http/transcript.h"
#include "unit/http/worlds.h"

using namespace tidegate;
using namespace tidegate::test;

#define TEST_IN_WORLDS(name) TEST_CASE_TEMPLATE(name, World, SimWorld, UvWorld)

namespace {

template <typename World>
struct Setup {
  explicit Setup(const http::ServerLimits& limits = {}) : server(world.runtime(), limits, service) {
    REQUIRE(server.listen(any_port()).ok());
  }
  RawClient client(std::string bytes = {}) { return {world.runtime(), server.address(), std::move(bytes)}; }
  bool until(const std::function<bool()>& ready) { return world.run_until(ready); }

  World world;
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

TEST_IN_WORLDS("a request is answered with date, length and nothing about closing") {
  Setup<World> setup;
  RawClient client = setup.client(request("GET /now"));
  REQUIRE(setup.until([&] { return client.has("hello"); }));
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
  CHECK(client.has("\r\nContent-Length: 5\r\n\r\nhello"));
  CHECK_FALSE(client.has("Connection"));
  client.send(request("GET /now"));
  CHECK(setup.until([&] { return client.count("hello") == 2; }));
}

TEST_IN_WORLDS("pipelined requests are answered in order, each after the one before") {
  Setup<World> setup;
  RawClient client = setup.client(request("GET /wait") + post("/echo", "second") + request("GET /now"));
  REQUIRE(setup.until([&] { return !setup.service.waiting.empty(); }));
  CHECK(setup.service.log.size() == 2);  // the first request and its body's end: the others wait
  setup.service.answer_waiting();
  REQUIRE(setup.until([&] { return client.has("hello"); }));
  CHECK(client.received.find("waited") < client.received.find("second"));
  CHECK(client.received.find("second") < client.received.find("hello"));
}

TEST_IN_WORLDS("more pipelined requests than the buffer holds are all answered") {
  Setup<World> setup;
  std::string burst;
  for (int i = 0; i < 5000; ++i) burst += request("GET /wait");
  RawClient client = setup.client(burst);
  int answered = 0;
  while (answered < 5000 && setup.until([&] { return !setup.service.waiting.empty(); })) {
    setup.service.answer_waiting();
    ++answered;
  }
  CHECK(setup.until([&] { return client.count("waited") == 5000; }));
}

TEST_IN_WORLDS("an answer to HEAD has the length and no body") {
  Setup<World> setup;
  RawClient client = setup.client(request("HEAD /now") + request("GET /empty") + request("GET /now"));
  REQUIRE(setup.until([&] { return client.has("hello"); }));
  CHECK(client.count("hello") == 1);
  CHECK(client.count("Content-Length: 5") == 2);
  CHECK(client.count("Content-Length") == 2);  // none with 204
}

TEST_IN_WORLDS("an answer of unknown length is chunked") {
  Setup<World> setup;
  RawClient client = setup.client(request("GET /chunks"));
  REQUIRE(setup.until([&] { return client.has("0\r\n\r\n"); }));
  CHECK(client.has("Transfer-Encoding: chunked\r\n\r\n4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n"));
}

TEST_IN_WORLDS("HTTP/1.0 is closed unless it asks to be kept, and never gets chunks") {
  Setup<World> setup;
  RawClient kept = setup.client("GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(setup.until([&] { return kept.has("hello"); }));
  CHECK(kept.has("Connection: keep-alive\r\n"));
  RawClient closed = setup.client("GET /chunks HTTP/1.0\r\n\r\n");
  REQUIRE(setup.until([&] { return closed.over(); }));
  CHECK(closed.received.ends_with("Connection: close\r\n\r\none,two,three"));
  CHECK_FALSE(closed.broken);
  CHECK_FALSE(kept.over());
}

TEST_IN_WORLDS("a client of HTTP/1.0 that ends its side still gets its answer") {
  Setup<World> setup;
  RawClient client = setup.client("GET /wait HTTP/1.0\r\n\r\n");
  REQUIRE(setup.until([&] { return !setup.service.waiting.empty(); }));
  client.end();
  RawClient other = setup.client(request("GET /now"));
  REQUIRE(setup.until([&] { return other.has("hello"); }));
  setup.service.answer_waiting();
  CHECK(setup.until([&] { return client.has("waited") && client.ended; }));
}

TEST_IN_WORLDS("a refused request is answered once, then the connection ends and nothing more is parsed") {
  Setup<World> setup;
  RawClient client = setup.client("GET / HTTP/1.1\r\nHost : a\r\n\r\n" + request("GET /now"));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(client.has("X-Refused: yes\r\n"));
  CHECK(client.received.ends_with("Connection: close\r\n\r\nbad_request"));
  CHECK_FALSE(client.broken);
  CHECK(setup.service.log == std::vector<std::string>{"refused 400"});
}

TEST_IN_WORLDS("after Connection: close nothing more is parsed") {
  Setup<World> setup;
  RawClient client = setup.client(request("GET /now", "Connection: close\r\n") + request("GET /smuggled"));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK_FALSE(setup.service.has("request /smuggled"));
  CHECK_FALSE(client.broken);
}

TEST_IN_WORLDS("a body known to be too large is refused before the service sees it") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  Setup<World> setup(limits);
  RawClient client = setup.client(post("/echo", "12345"));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(setup.service.log == std::vector<std::string>{"refused 413"});
}

TEST_IN_WORLDS("a chunked body that grows too large is the handler's to answer, and the connection ends") {
  http::ServerLimits limits;
  limits.body_bytes = 4;
  Setup<World> setup(limits);
  RawClient client =
      setup.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(setup.service.has("error 413"));
  CHECK_FALSE(setup.service.has("end"));
}

TEST_IN_WORLDS("a chunked body that breaks the rules is told as 400") {
  Setup<World> setup;
  RawClient client = setup.client(request("POST /echo", "Transfer-Encoding: chunked\r\n", "3\r\nabcX"));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.received.starts_with("HTTP/1.1 400 "));
  CHECK(setup.service.has("error 400"));
}

TEST_IN_WORLDS("an unread body is drained and never parsed as a request") {
  Setup<World> setup;
  const std::string hidden = request("GET /smuggled");
  RawClient client = setup.client(post("/early", hidden) + request("GET /empty"));
  REQUIRE(setup.until([&] { return client.has("204 No Content"); }));
  CHECK(client.count("HTTP/1.1 ") == 2);
  CHECK_FALSE(setup.service.has("request /smuggled"));
}

TEST_IN_WORLDS("an answer before a long body says that the connection will close, and reaches the client") {
  Setup<World> setup;
  RawClient client = setup.client(request("POST /early", "Content-Length: 3000000\r\n", std::string(300000, 'x')));
  REQUIRE(setup.until([&] { return client.over(); }));
  CHECK(client.has("Connection: close\r\n"));
  CHECK(client.has("hello"));
}

TEST_IN_WORLDS("100 Continue is sent when the body is wanted, not before") {
  Setup<World> setup;
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  RawClient eager = setup.client(request("POST /echo", expect));
  REQUIRE(setup.until([&] { return eager.has("HTTP/1.1 100 Continue\r\n\r\n"); }));
  eager.send("12345");
  CHECK(setup.until([&] { return eager.received.ends_with("12345"); }));

  RawClient paused = setup.client(request("POST /paused", expect));
  REQUIRE(setup.until([&] { return setup.service.paused != nullptr; }));
  RawClient other = setup.client(request("GET /now"));
  REQUIRE(setup.until([&] { return other.has("hello"); }));
  CHECK(paused.received.empty());
  setup.service.resume_paused();
  REQUIRE(setup.until([&] { return paused.has("100 Continue"); }));
  paused.send("12345");
  CHECK(setup.until([&] { return paused.has("HTTP/1.1 200 OK"); }));

  RawClient refused = setup.client(request("POST /early", expect));
  REQUIRE(setup.until([&] { return refused.over(); }));
  CHECK_FALSE(refused.has("100 Continue"));
  CHECK(refused.has("Connection: close\r\n"));
}

TEST_IN_WORLDS("a client that leaves is told to the handler once") {
  Setup<World> setup;
  RawClient waiting = setup.client(request("GET /wait"));
  REQUIRE(setup.until([&] { return !setup.service.waiting.empty(); }));
  waiting.leave();
  REQUIRE(setup.until([&] { return setup.server.connections() == 0; }));
  RawClient sending = setup.client(request("POST /echo", "Content-Length: 9\r\n", "abc"));
  REQUIRE(setup.until([&] { return setup.service.body_bytes == 3; }));
  sending.leave();
  REQUIRE(setup.until([&] { return setup.server.connections() == 0; }));
  CHECK(std::count(setup.service.log.begin(), setup.service.log.end(), "gone") == 2);
}

TEST_IN_WORLDS("an answer that cannot be completed never looks whole") {
  Setup<World> setup;
  for (const char* path : {"/half", "/short", "/drop"}) {
    CAPTURE(path);
    RawClient client = setup.client(request(std::string("GET ") + path));
    REQUIRE(setup.until([&] { return client.over(); }));
    const auto seen = read_response(client.received, false, client.ended);
    CHECK(seen.messages == 0);
    CHECK((client.broken || seen.refused));  // libuv tells a reset behind data as an end
    CHECK(setup.until([&] { return setup.server.connections() == 0; }));
  }
}

TEST_IN_WORLDS("a large answer waits for a slow client in bounded memory") {
  Setup<World> setup;
  setup.service.big_bytes = 50 << 20;
  RawClient client = setup.client();
  client.keep = false;
  client.paused = true;
  client.send(request("GET /big"));
  REQUIRE(setup.until([&] { return setup.service.big_pending_max > 0; }));
  CHECK_FALSE(client.over());
  client.resume();
  REQUIRE(setup.until([&] { return client.received_bytes >= setup.service.big_bytes; }));
  CHECK(setup.service.big_pending_max <= 64 * 1024);
}

TEST_IN_WORLDS("a paused body stays with the client beyond one buffer") {
  http::ServerLimits limits;
  limits.body_bytes = 64 << 20;
  Setup<World> setup(limits);
  const std::string body(50 << 20, 'x');
  RawClient client = setup.client(post("/paused", body));
  REQUIRE(setup.until([&] { return setup.service.paused != nullptr; }));
  RawClient other = setup.client(request("GET /now"));
  REQUIRE(setup.until([&] { return other.has("hello"); }));
  CHECK(setup.service.body_bytes == 0);
  CHECK(client.write_pending() > (30u << 20));
  setup.service.resume_paused();
  REQUIRE(setup.until([&] { return client.has("HTTP/1.1 200 OK"); }));
  CHECK(setup.service.body_bytes == body.size());
}

TEST_IN_WORLDS("connections beyond the limit are closed") {
  http::ServerLimits limits;
  limits.connections = 1;
  Setup<World> setup(limits);
  RawClient first = setup.client(request("GET /wait"));
  REQUIRE(setup.until([&] { return !setup.service.waiting.empty(); }));
  RawClient second = setup.client();
  CHECK(setup.until([&] { return second.over(); }));
  CHECK_FALSE(first.over());
}

TEST_IN_WORLDS("draining closes idle connections, lets the others finish, and then tells") {
  Setup<World> setup;
  RawClient idle = setup.client(request("GET /now"));
  RawClient busy = setup.client(request("GET /wait"));
  REQUIRE(setup.until([&] { return idle.has("hello") && !setup.service.waiting.empty(); }));
  int drained = 0;
  setup.server.drain([&] { ++drained; });
  REQUIRE(setup.until([&] { return idle.over(); }));
  CHECK(drained == 0);
  RawClient late = setup.client(request("GET /now"));
  CHECK(setup.until([&] { return late.broken; }));
  setup.service.answer_waiting();
  REQUIRE(setup.until([&] { return busy.over(); }));
  CHECK(busy.has("Connection: close\r\n"));
  busy.leave();
  CHECK(setup.until([&] { return drained == 1; }));
}

TEST_IN_WORLDS("a server that is destroyed ends everything at once") {
  World world;
  TestService service;
  auto server = std::make_unique<http::Server>(world.runtime(), http::ServerLimits{}, service);
  REQUIRE(server->listen(any_port()).ok());
  RawClient client(world.runtime(), server->address(), request("GET /wait"));
  REQUIRE(world.run_until([&] { return !service.waiting.empty(); }));
  server.reset();
  CHECK(service.has("gone"));
  CHECK(world.run_until([&] { return client.over(); }));
}
