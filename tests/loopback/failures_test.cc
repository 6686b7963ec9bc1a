// Responses of Tidegate's own when the upstream fails, its breaker is open, or its bulkhead is full.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

TEST_CASE("nobody listens: 502 connect_failure") {
  Fixture fixture;
  const Reply reply = fixture.ask(get("/dead"));
  check_own_response(fixture, reply, {502, "connect_failure", "dead"});
  CHECK(reply.field("proxy-status").find("error=connection_refused") != std::string::npos);
}

TEST_CASE("the upstream resets the connection: 502 reset") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hang_up});
  check_own_response(fixture, fixture.ask(post("/plain", "body")), {502, "reset", "plain", "POST"});
  CHECK(fixture.upstream.seen.size() == 1);
}

TEST_CASE("the upstream closes the connection without a response: 502 reset") {
  Fixture fixture;
  fixture.raw.hangs_up = true;
  check_own_response(fixture, fixture.ask(get("/raw")), {502, "reset", "raw"});
  CHECK(fixture.raw.accepted == 1);
}

TEST_CASE("invalid responses are 502 bad_upstream_response, and nothing of them is relayed") {
  const char* const kResponses[] = {
      "NONSENSE\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nsecret",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nsecret",
      "HTTP/1.1 200 OK\r\nX-Secret: a\rb\r\n\r\n",
      "HTTP/1.1 200 OK\nX-Secret: a\n\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: secret\r\nConnection: Upgrade\r\n\r\n",
  };
  for (const char* response : kResponses) {
    CAPTURE(response);
    Fixture fixture;
    fixture.raw.script = response;
    const Reply reply = fixture.ask(get("/raw"));
    check_own_response(fixture, reply, {502, "bad_upstream_response", "raw"});
    CHECK(reply.body.find("secret") == std::string::npos);
  }
}

TEST_CASE("no response in time: 504 timeout") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  check_own_response(fixture, fixture.ask(get("/hasty")), {504, "timeout", "hasty"});
  fixture.until("the upstream is left", [&] { return fixture.upstream.seen[0].gone; });
}

TEST_CASE("the client's own shorter deadline applies, and the upstream gets what is left of it") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  check_own_response(fixture, fixture.ask(get("/plain", "X-Request-Timeout-Ms: 100\r\n")), {504, "timeout", "plain"});
  CHECK(fixture.upstream.seen[0].count("x-request-timeout-ms") == 1);
  const int left = std::stoi(fixture.upstream.seen[0].field("x-request-timeout-ms"));
  CHECK(left >= 1);
  CHECK(left <= 100);
}

TEST_CASE("a response that breaks off never looks complete to the client") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Fixture fixture;
    fixture.upstream.behave({Behaviour::Kind::break_off, 200, "", std::string(20'000, 'x'), chunked});
    const Reply reply = fixture.ask(get("/plain"));
    CHECK(reply.status == 200);
    CHECK_FALSE(reply.whole);
    fixture.until("it is logged", [&] { return fixture.logged("reset").size() == 1; });
    CHECK(fixture.logged("reset")[0].at("code") == 200);
    CHECK(fixture.metric("tidegate_http_requests_total", {"plain", "outcome=\"reset\"", "code=\"200\""}) == 1);
  }
}

TEST_CASE("a response that stalls is aborted after the idle timeout, and does not look complete") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::stop, 200, "", std::string(2000, 'x'), true});
  const Reply reply = fixture.ask(get("/hasty"));
  CHECK_FALSE(reply.whole);
  fixture.until("it is logged", [&] { return fixture.logged("timeout").size() == 1; });
}

TEST_CASE("an open breaker responds with 503 at once, with Retry-After until its next probe") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 500});
  for (int i = 0; i < 2; ++i) CHECK(fixture.ask(get("/guarded")).status == 500);
  const Reply reply = fixture.ask(get("/guarded"));
  check_own_response(fixture, reply, {503, "breaker_open", "guarded", "GET", true});
  CHECK(std::stoi(reply.field("retry-after")) >= 54);  // of 60 s, jittered by a tenth
  CHECK(fixture.upstream.seen.size() == 2);
  CHECK(fixture.metric("tidegate_breaker_state", {"guarded", "state=\"open\""}) == 1);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"guarded", "not_permitted"}) == 1);
  CHECK(fixture.metric("tidegate_breaker_transitions_total", {"guarded", "to=\"open\"", "consecutive_failures"}) == 1);
}

TEST_CASE("no free slot: 503 bulkhead_full; a response frees its slot") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto first = fixture.client(get("/narrow"));
  fixture.until("the first is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  const Reply reply = fixture.ask(get("/narrow"));
  CHECK(fixture.upstream.seen.size() == 1);
  fixture.upstream.behave({});
  fixture.upstream.release({});
  CHECK(fixture.next(*first).status == 200);
  check_own_response(fixture, reply, {503, "bulkhead_full", "narrow", "GET", true});
  CHECK(fixture.ask(get("/narrow")).status == 200);
}

TEST_CASE("a fallback response is sent as configured and counted as responded") {
  Fixture fixture;
  const Reply reply = fixture.ask(get("/sorry"));
  CHECK(reply.status == 200);
  CHECK(reply.body == "try later");
  CHECK(reply.field("content-type") == "text/plain");
  CHECK(reply.field("x-request-id").size() == 32);
  CHECK(reply.field("proxy-status").find("connect_failure") != std::string::npos);
  REQUIRE(fixture.logged("responded").size() == 1);
  CHECK(fixture.logged("responded")[0].at("reason").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(fixture.metric("tidegate_http_requests_total", {"sorry", "outcome=\"responded\"", "code=\"200\""}) == 1);
}

TEST_CASE(
    "a client that disconnects closes the upstream connection, frees the slot, and is not counted by the breaker") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  auto client = fixture.client(post("/narrow", "work"));
  fixture.until("it is at the upstream",
                [&] { return fixture.upstream.seen.size() == 1 && fixture.upstream.seen[0].whole; });
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"narrow"}) == 1);
  client->leave();
  fixture.until("the upstream is left", [&] { return fixture.upstream.seen[0].gone; });
  fixture.until("the upstream's connection is closed", [&] { return fixture.upstream.connections() == 0; });
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"narrow"}) == 0);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"narrow", "result=\"failure\""}) == 0);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"narrow", "result=\"success\""}) == 0);
  CHECK(fixture.metric("tidegate_http_requests_total", {"narrow", "code=\"499\"", "outcome=\"client_closed\""}) == 1);
  REQUIRE(fixture.logged("client_closed").size() == 1);
  CHECK(fixture.logged("client_closed")[0].at("code") == 499);
  CHECK(fixture.metric("tidegate_http_requests_in_flight") == 0);
}

TEST_CASE("a client that disconnects during its response closes the upstream connection") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, 1ull << 40});
  auto client = fixture.client(get("/plain"));
  fixture.until("some of it has come", [&] { return client->received_bytes > 100'000; });
  client->leave();
  fixture.until("the upstream is left", [&] { return fixture.upstream.connections() == 0; });
  CHECK(fixture.logged("client_closed").size() == 1);
}

}  // namespace tidegate::loopback
