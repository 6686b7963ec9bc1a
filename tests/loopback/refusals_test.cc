// Responses of Tidegate's own to requests that never reach an upstream.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

TEST_CASE("a path that no route matches is 404 no_route") {
  Fixture fixture;
  check_own_response(fixture, fixture.ask(get("/nowhere")), {404, "no_route"});
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("a method that the route does not allow is 405 with Allow") {
  Fixture fixture;
  const Reply reply = fixture.ask(post("/get-only", "x"));
  check_own_response(fixture, reply, {405, "method_not_allowed", "", "POST"});
  CHECK(reply.field("allow") == "GET");
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("a Content-Length beyond the limit is 413 before the upstream sees anything") {
  Fixture fixture;
  const Reply reply = fixture.ask("POST /plain HTTP/1.1\r\nHost: example\r\nContent-Length: 65537\r\n\r\n",
                                  "413 without a byte of body");
  check_own_response(fixture, reply, {413, "body_too_large", "", "_OTHER"});
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("a chunked body beyond the limit is 413, and the upstream cannot mistake it for complete") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client = fixture.client("POST /stream HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 9; ++i) client->send("2000\r\n" + std::string(0x2000, 'x') + "\r\n");
  check_own_response(fixture, fixture.next(*client), {413, "body_too_large", "stream", "POST"});
  fixture.until("the upstream learns of it",
                [&] { return !fixture.upstream.seen.empty() && fixture.upstream.seen[0].gone; });
  CHECK_FALSE(fixture.upstream.seen[0].whole);
}

TEST_CASE("a malformed request is 400 and the connection closes") {
  Fixture fixture;
  const auto client = fixture.client("GET /plain HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + get("/plain"));
  check_own_response(fixture, fixture.next(*client), {400, "bad_request", "", "_OTHER"});
  fixture.until("the connection is closed", [&] { return client->over(); });
  CHECK(client->received.empty());
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("an invalid chunk is 400, and the upstream cannot mistake the body for complete") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client =
      fixture.client("POST /plain HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
  check_own_response(fixture, fixture.next(*client), {400, "bad_request", "plain", "POST"});
  fixture.until("the upstream is left", [&] { return fixture.upstream.connections() == 0; });
  for (const Seen& seen : fixture.upstream.seen) CHECK_FALSE(seen.whole);
}

TEST_CASE("an X-Request-Timeout-Ms that is not a number is 400") {
  Fixture fixture;
  check_own_response(fixture, fixture.ask(get("/plain", "X-Request-Timeout-Ms: soon\r\n")),
                     {400, "bad_request", "plain"});
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("request headers beyond the size limit are 431") {
  Fixture fixture;
  const Reply reply = fixture.ask(get("/plain", "X-Long: " + std::string(3000, 'x') + "\r\n"));
  check_own_response(fixture, reply, {431, "headers_too_large", "", "_OTHER"});
}

TEST_CASE("more header fields than the limit are 431") {
  Fixture fixture;
  std::string fields;
  for (int i = 0; i < 30; ++i) fields += "A: b\r\n";
  check_own_response(fixture, fixture.ask(get("/plain", fields)), {431, "headers_too_large", "", "_OTHER"});
}

TEST_CASE("request headers that do not arrive in time are 408") {
  Fixture fixture;
  check_own_response(fixture, fixture.ask("GET /plain HTTP/1.1\r\nHost: exa"), {408, "client_timeout", "", "_OTHER"});
}

TEST_CASE("a body that stops arriving is 408: the attempt is aborted and the breaker does not count it") {
  Fixture fixture;
  const Reply reply = fixture.ask("POST /narrow HTTP/1.1\r\nHost: example\r\nContent-Length: 10\r\n\r\nhal");
  check_own_response(fixture, reply, {408, "client_timeout", "narrow", "POST"});
  fixture.until("the upstream is left", [&] { return fixture.upstream.connections() == 0; });
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"narrow", "failure"}) == 0);
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"narrow"}) == 0);
}

TEST_CASE("a client beyond its rate gets 429 with the limit and Retry-After") {
  Fixture fixture;
  CHECK(fixture.ask(get("/limited")).status == 200);
  CHECK(fixture.ask(get("/limited")).status == 200);
  const Reply reply = fixture.ask(get("/limited"));
  check_own_response(fixture, reply, {429, "rate_limited", "limited", "GET", true});
  CHECK(std::stoi(reply.field("retry-after")) >= 59);
  CHECK(reply.field("x-ratelimit-limit") == "2");
  CHECK(reply.field("ratelimit").find("r=0") != std::string::npos);
  CHECK(reply.field("ratelimit-policy").find("q=2;w=120") != std::string::npos);
  CHECK(fixture.upstream.seen.size() == 2);
  CHECK(fixture.metric("tidegate_ratelimit_decisions_total", {"limited", "decision=\"limited\""}) == 1);
}

TEST_CASE("a refused client that sends its whole body keeps its connection") {
  Fixture fixture;
  fixture.ask(get("/limited"));
  fixture.ask(get("/limited"));
  const auto client = fixture.client(post("/limited", std::string(30'000, 'x')) + get("/plain"));
  CHECK(fixture.next(*client).status == 429);
  CHECK(fixture.next(*client).status == 200);
}

}  // namespace tidegate::loopback
