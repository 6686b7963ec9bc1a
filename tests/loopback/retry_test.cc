// Retries, and the body that they send again: from memory, from a file, or while it still arrives.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

std::string retrying_config() {
  return test::ConfigBuilder()
      .upstream("up", R"(endpoints: ["{UP}"], retry_budget: {ratio: 1, min_per_second: 100})")
      .upstream("stingy", R"(endpoints: ["{UP}"], retry_budget: {ratio: 0, min_per_second: 0})")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("again",
             "match: {path: /again}, upstream: up, buffering: {request: 64KiB},"
             "retry: {max_attempts: 3, on: [reset, 503], backoff: {base: 50ms, max: 50ms, jitter: none}}")
      .route("stingy", "match: {path: /stingy}, upstream: stingy, retry: {max_attempts: 3, on: [503]}")
      .route("park",
             "match: {path: /park}, upstream: up,"
             "retry: {max_attempts: 2, on: [503], backoff: {base: 1ms, max: 1ms, jitter: none}},"
             "fallback: {on: [503], enqueue: {queue: jobs, max_body: 8MiB}}");
}

std::string patterned(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761u >> 11);
  return text;
}

// Sends the request. The first attempt fails as `first` says, later ones succeed.
Reply fail_once(Fixture& fixture, const Behaviour& first, const std::string& request) {
  fixture.upstream.behave(first);
  const auto client = fixture.client(request);
  fixture.until("the first try", [&] { return fixture.upstream.seen.size() == 1 && fixture.upstream.seen[0].whole; });
  fixture.upstream.behave({});
  return fixture.next(*client);
}

}  // namespace

TEST_CASE("a retryable failure is retried, and the client sees one response") {
  for (const Behaviour& first : {Behaviour{Behaviour::Kind::hang_up}, Behaviour{Behaviour::Kind::respond, 503}}) {
    Fixture fixture(retrying_config());
    const Reply reply = fail_once(fixture, first, get("/again"));
    CHECK(reply.status == 200);
    CHECK(fixture.upstream.seen.size() == 2);
    CHECK(fixture.upstream.seen[0].field("x-request-id") == fixture.upstream.seen[1].field("x-request-id"));
    CHECK(std::stoi(fixture.upstream.seen[1].field("x-request-timeout-ms")) <
          std::stoi(fixture.upstream.seen[0].field("x-request-timeout-ms")));
    REQUIRE(fixture.logged("proxied").size() == 1);
    CHECK(fixture.logged("proxied")[0].at("attempts") == 2);
    CHECK(fixture.metric("tidegate_retries_total", {"\"up\"", "done"}) == 1);
  }
}

TEST_CASE("a retry sends the whole body again, from memory or from its file, with Content-Length or chunked") {
  for (const size_t size : {size_t{10}, size_t{200'000}, size_t{5'000'000}}) {
    for (const bool chunked : {false, true}) {
      CAPTURE(size);
      CAPTURE(chunked);
      Fixture fixture(retrying_config());
      const std::string body = patterned(size);
      std::string request = post("/again", body, "Idempotency-Key: k\r\n");
      if (chunked) {
        char length[24];
        request = "PUT /again HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  std::string(length, static_cast<size_t>(std::snprintf(length, sizeof length, "%zx", size))) + "\r\n" +
                  body + "\r\n0\r\n\r\n";
      }
      CHECK(fail_once(fixture, {Behaviour::Kind::hang_up}, request).status == 200);
      REQUIRE(fixture.upstream.seen.size() == 2);
      CHECK((fixture.upstream.seen[0].body == body));
      CHECK((fixture.upstream.seen[1].body == body));
    }
  }
}

TEST_CASE("an attempt that fails while the body is arriving is followed by one with the whole body") {
  Fixture fixture(retrying_config());
  fixture.upstream.behave({Behaviour::Kind::respond_early, 503, "", "no"});
  const std::string body = patterned(600'000);
  const std::string request = post("/again", body, "Idempotency-Key: k\r\n");
  const auto client = fixture.client(request.substr(0, 300'000));
  fixture.until("the first try", [&] { return fixture.upstream.seen.size() == 1; });
  fixture.upstream.behave({});
  fixture.until("the second try", [&] { return fixture.upstream.seen.size() == 2; });
  client->send(request.substr(300'000));
  CHECK(fixture.next(*client).status == 200);
  CHECK((fixture.upstream.seen[1].body == body));
}

TEST_CASE("a POST without Idempotency-Key has one attempt") {
  Fixture fixture(retrying_config());
  fixture.upstream.behave({Behaviour::Kind::hang_up});
  CHECK(fixture.ask(post("/again", "x")).status == 502);
  CHECK(fixture.upstream.seen.size() == 1);
}

TEST_CASE("the response of the last attempt is relayed unchanged") {
  Fixture fixture(retrying_config());
  fixture.upstream.behave({Behaviour::Kind::respond, 503, "X-Why: full\r\n", "busy"});
  const Reply reply = fixture.ask(get("/again"));
  CHECK(reply.status == 503);
  CHECK(reply.body == "busy");
  CHECK(reply.field("x-why") == "full");
  CHECK(reply.count("proxy-status") == 0);
  CHECK(fixture.upstream.seen.size() == 3);
}

TEST_CASE("without retry budget there is no second attempt") {
  Fixture fixture(retrying_config());
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  CHECK(fixture.ask(get("/stingy")).status == 503);
  CHECK(fixture.upstream.seen.size() == 1);
  CHECK(fixture.metric("tidegate_retries_total", {"stingy", "budget_exhausted"}) == 1);
}

TEST_CASE("a large body is stored completely after two attempts") {
  Fixture fixture(retrying_config());
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string body = patterned(3'000'000);
  const Reply reply = fixture.ask(post("/park", body, "Idempotency-Key: k\r\n"));
  REQUIRE(reply.status == 202);
  CHECK(fixture.upstream.seen.size() == 2);
  fixture.upstream.behave({});
  fixture.start_replaying();
  fixture.until("it is replayed", [&] { return fixture.upstream.seen.size() == 3 && fixture.upstream.seen[2].whole; });
  CHECK((fixture.upstream.seen[2].body == body));
}

}  // namespace tidegate::loopback
