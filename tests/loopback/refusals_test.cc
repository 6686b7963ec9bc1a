// Answers of Tidegate's own to requests that never reach an upstream.
#include "loopback/own_answers.h"

namespace tidegate::loopback {

TEST_CASE("a path that no route matches is 404 no_route") {
  Bed bed;
  check_own_answer(bed, bed.ask(get("/nowhere")), {404, "no_route"});
  CHECK(bed.upstream.seen.empty());
}

TEST_CASE("a method that the route does not take is 405 with Allow") {
  Bed bed;
  const Reply reply = bed.ask(post("/get-only", "x"));
  check_own_answer(bed, reply, {405, "method_not_allowed", "", "POST"});
  CHECK(reply.field("allow") == "GET");
  CHECK(bed.upstream.seen.empty());
}

TEST_CASE("a body that is said to be too large is 413 before the upstream sees anything") {
  Bed bed;
  const Reply reply =
      bed.ask("POST /plain HTTP/1.1\r\nHost: example\r\nContent-Length: 65537\r\n\r\n", "413 without a byte of body");
  check_own_answer(bed, reply, {413, "body_too_large", "", "_OTHER"});
  CHECK(bed.upstream.seen.empty());
}

TEST_CASE("a chunked body that grows too large is 413, and the upstream cannot take it for whole") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  const auto client = bed.client("POST /plain HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 9; ++i) client->send("2000\r\n" + std::string(0x2000, 'x') + "\r\n");
  check_own_answer(bed, bed.next(*client), {413, "body_too_large", "plain", "POST"});
  bed.until("the upstream learns of it", [&] { return !bed.upstream.seen.empty() && bed.upstream.seen[0].gone; });
  CHECK_FALSE(bed.upstream.seen[0].whole);
}

TEST_CASE("a malformed request is 400 and the connection closes") {
  Bed bed;
  const auto client = bed.client("GET /plain HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + get("/plain"));
  check_own_answer(bed, bed.next(*client), {400, "bad_request", "", "_OTHER"});
  bed.until("the connection is closed", [&] { return client->over(); });
  CHECK(client->received.empty());
  CHECK(bed.upstream.seen.empty());
}

TEST_CASE("a body whose chunks are broken is 400, and the upstream cannot take it for whole") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  const auto client =
      bed.client("POST /plain HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
  check_own_answer(bed, bed.next(*client), {400, "bad_request", "plain", "POST"});
  bed.until("the upstream is left", [&] { return bed.upstream.connections() == 0; });
  for (const Seen& seen : bed.upstream.seen) CHECK_FALSE(seen.whole);
}

TEST_CASE("a time limit that is no number is 400") {
  Bed bed;
  check_own_answer(bed, bed.ask(get("/plain", "X-Request-Timeout-Ms: soon\r\n")), {400, "bad_request", "plain"});
  CHECK(bed.upstream.seen.empty());
}

TEST_CASE("too many bytes of head are 431") {
  Bed bed;
  const Reply reply = bed.ask(get("/plain", "X-Long: " + std::string(3000, 'x') + "\r\n"));
  check_own_answer(bed, reply, {431, "headers_too_large", "", "_OTHER"});
}

TEST_CASE("too many fields are 431") {
  Bed bed;
  std::string fields;
  for (int i = 0; i < 30; ++i) fields += "A: b\r\n";
  check_own_answer(bed, bed.ask(get("/plain", fields)), {431, "headers_too_large", "", "_OTHER"});
}

TEST_CASE("a head that does not arrive in time is 408") {
  Bed bed;
  check_own_answer(bed, bed.ask("GET /plain HTTP/1.1\r\nHost: exa"), {408, "client_timeout", "", "_OTHER"});
}

TEST_CASE("a body that stops arriving is 408, the upstream is left and its breaker hears nothing") {
  Bed bed;
  const Reply reply = bed.ask("POST /narrow HTTP/1.1\r\nHost: example\r\nContent-Length: 10\r\n\r\nhal");
  check_own_answer(bed, reply, {408, "client_timeout", "narrow", "POST"});
  bed.until("the upstream is left", [&] { return bed.upstream.connections() == 0; });
  CHECK(bed.metric("tidegate_breaker_calls_total", {"narrow", "failure"}) == 0);
  CHECK(bed.metric("tidegate_bulkhead_in_use", {"narrow"}) == 0);
}

TEST_CASE("a client beyond its rate is 429 and is told the limit and when to come back") {
  Bed bed;
  CHECK(bed.ask(get("/limited")).status == 200);
  CHECK(bed.ask(get("/limited")).status == 200);
  const Reply reply = bed.ask(get("/limited"));
  check_own_answer(bed, reply, {429, "rate_limited", "limited", "GET", true});
  CHECK(std::stoi(reply.field("retry-after")) >= 59);
  CHECK(reply.field("x-ratelimit-limit") == "2");
  CHECK(reply.field("ratelimit").find("r=0") != std::string::npos);
  CHECK(reply.field("ratelimit-policy").find("q=2;w=120") != std::string::npos);
  CHECK(bed.upstream.seen.size() == 2);
  CHECK(bed.metric("tidegate_ratelimit_decisions_total", {"limited", "decision=\"limited\""}) == 1);
}

TEST_CASE("a refused client that sends its whole body keeps its connection") {
  Bed bed;
  bed.ask(get("/limited"));
  bed.ask(get("/limited"));
  const auto client = bed.client(post("/limited", std::string(30'000, 'x')) + get("/plain"));
  CHECK(bed.next(*client).status == 429);
  CHECK(bed.next(*client).status == 200);
}

}  // namespace tidegate::loopback
