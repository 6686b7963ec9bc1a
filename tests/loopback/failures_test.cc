// Answers of Tidegate's own where the upstream fails, is guarded, or is full.
#include "loopback/own_answers.h"

namespace tidegate::loopback {

TEST_CASE("nobody listens: 502 connect_failure") {
  Bed bed;
  const Reply reply = bed.ask(get("/dead"));
  check_own_answer(bed, reply, {502, "connect_failure", "dead"});
  CHECK(reply.field("proxy-status").find("error=connection_refused") != std::string::npos);
}

TEST_CASE("the upstream breaks the connection: 502 reset") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hang_up});
  check_own_answer(bed, bed.ask(post("/plain", "body")), {502, "reset", "plain", "POST"});
  CHECK(bed.upstream.seen.size() == 1);
}

TEST_CASE("the upstream ends the connection without an answer: 502 reset") {
  Bed bed;
  bed.raw.hangs_up = true;
  check_own_answer(bed, bed.ask(get("/raw")), {502, "reset", "raw"});
  CHECK(bed.raw.accepted == 1);
}

TEST_CASE("answers that break HTTP's rules are 502 bad_upstream_response, and nothing of them is passed on") {
  const char* const kAnswers[] = {
      "NONSENSE\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nsecret",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nsecret",
      "HTTP/1.1 200 OK\r\nX-Secret: a\rb\r\n\r\n",
      "HTTP/1.1 200 OK\nX-Secret: a\n\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: secret\r\nConnection: Upgrade\r\n\r\n",
  };
  for (const char* answer : kAnswers) {
    CAPTURE(answer);
    Bed bed;
    bed.raw.script = answer;
    const Reply reply = bed.ask(get("/raw"));
    check_own_answer(bed, reply, {502, "bad_upstream_response", "raw"});
    CHECK(reply.body.find("secret") == std::string::npos);
  }
}

TEST_CASE("no answer in time: 504 timeout") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  check_own_answer(bed, bed.ask(get("/hasty")), {504, "timeout", "hasty"});
  bed.until("the upstream is left", [&] { return bed.upstream.seen[0].gone; });
}

TEST_CASE("the client's own shorter deadline holds, and the upstream is told what is left of it") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  check_own_answer(bed, bed.ask(get("/plain", "X-Request-Timeout-Ms: 100\r\n")), {504, "timeout", "plain"});
  CHECK(bed.upstream.seen[0].count("x-request-timeout-ms") == 1);
  const int left = std::stoi(bed.upstream.seen[0].field("x-request-timeout-ms"));
  CHECK(left >= 1);
  CHECK(left <= 100);
}

TEST_CASE("an answer that breaks off is never made to look whole") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Bed bed;
    bed.upstream.behave({Behaviour::Kind::break_off, 200, "", std::string(20'000, 'x'), chunked});
    const Reply reply = bed.ask(get("/plain"));
    CHECK(reply.status == 200);
    CHECK_FALSE(reply.whole);
    bed.until("it is logged", [&] { return bed.logged("reset").size() == 1; });
    CHECK(bed.logged("reset")[0].at("code") == 200);
    CHECK(bed.metric("tidegate_http_requests_total", {"plain", "outcome=\"reset\"", "code=\"200\""}) == 1);
  }
}

TEST_CASE("an answer that stops is cut at the route's idle timeout, and does not look whole") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::stop, 200, "", std::string(2000, 'x'), true});
  const Reply reply = bed.ask(get("/hasty"));
  CHECK_FALSE(reply.whole);
  bed.until("it is logged", [&] { return bed.logged("timeout").size() == 1; });
}

TEST_CASE("an open breaker answers 503 at once, with the time until its next probe") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 500});
  for (int i = 0; i < 2; ++i) CHECK(bed.ask(get("/guarded")).status == 500);
  const Reply reply = bed.ask(get("/guarded"));
  check_own_answer(bed, reply, {503, "breaker_open", "guarded", "GET", true});
  CHECK(std::stoi(reply.field("retry-after")) >= 54);  // of 60 s, jittered by a tenth
  CHECK(bed.upstream.seen.size() == 2);
  CHECK(bed.metric("tidegate_breaker_state", {"guarded", "state=\"open\""}) == 1);
  CHECK(bed.metric("tidegate_breaker_calls_total", {"guarded", "not_permitted"}) == 1);
  CHECK(bed.metric("tidegate_breaker_transitions_total", {"guarded", "to=\"open\"", "consecutive_failures"}) == 1);
}

TEST_CASE("no place in the bulkhead: 503 bulkhead_full; the place comes back with the answer") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  const auto first = bed.client(get("/narrow"));
  bed.until("the first is at the upstream", [&] { return bed.upstream.seen.size() == 1; });
  const Reply reply = bed.ask(get("/narrow"));
  CHECK(bed.upstream.seen.size() == 1);
  bed.upstream.behave({});
  bed.upstream.release({});
  CHECK(bed.next(*first).status == 200);
  check_own_answer(bed, reply, {503, "bulkhead_full", "narrow", "GET", true});
  CHECK(bed.ask(get("/narrow")).status == 200);
}

TEST_CASE("a fallback's own answer is given as it stands, and counted as responded") {
  Bed bed;
  const Reply reply = bed.ask(get("/sorry"));
  CHECK(reply.status == 200);
  CHECK(reply.body == "try later");
  CHECK(reply.field("content-type") == "text/plain");
  CHECK(reply.field("x-request-id").size() == 32);
  CHECK(reply.field("proxy-status").find("connect_failure") != std::string::npos);
  REQUIRE(bed.logged("responded").size() == 1);
  CHECK(bed.logged("responded")[0].at("reason").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(bed.metric("tidegate_http_requests_total", {"sorry", "outcome=\"responded\"", "code=\"200\""}) == 1);
}

TEST_CASE("a client that leaves takes everything with it: connection, place, and no word to the breaker") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  auto client = bed.client(post("/narrow", "work"));
  bed.until("it is at the upstream", [&] { return bed.upstream.seen.size() == 1 && bed.upstream.seen[0].whole; });
  CHECK(bed.metric("tidegate_bulkhead_in_use", {"narrow"}) == 1);
  client->leave();
  bed.until("the upstream is left", [&] { return bed.upstream.seen[0].gone; });
  bed.until("the upstream's connection is closed", [&] { return bed.upstream.connections() == 0; });
  CHECK(bed.metric("tidegate_bulkhead_in_use", {"narrow"}) == 0);
  CHECK(bed.metric("tidegate_breaker_calls_total", {"narrow", "result=\"failure\""}) == 0);
  CHECK(bed.metric("tidegate_breaker_calls_total", {"narrow", "result=\"success\""}) == 0);
  CHECK(bed.metric("tidegate_http_requests_total", {"narrow", "code=\"499\"", "outcome=\"client_closed\""}) == 1);
  REQUIRE(bed.logged("client_closed").size() == 1);
  CHECK(bed.logged("client_closed")[0].at("code") == 499);
  CHECK(bed.metric("tidegate_http_requests_in_flight") == 0);
}

TEST_CASE("a client that leaves in the middle of its answer takes the upstream's connection with it") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, 1ull << 40});
  auto client = bed.client(get("/plain"));
  bed.until("some of it has come", [&] { return client->received_bytes > 100'000; });
  client->leave();
  bed.until("the upstream is left", [&] { return bed.upstream.connections() == 0; });
  CHECK(bed.logged("client_closed").size() == 1);
}

}  // namespace tidegate::loopback
