// A kept connection that the upstream closes, as an idle one, in the moment in which a request is sent on it.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

std::string closing_config() {
  return test::ConfigBuilder()
      .upstream("raw", R"(endpoints: ["{RAW}"], breaker: {consecutive_failures: 1})")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("plain", "match: {path: /plain}, upstream: raw")
      .route("stream", "match: {path: /stream}, upstream: raw, buffering: off")
      .route("kept", "match: {path: /kept}, upstream: raw, fallback: {on: [breaker_open], enqueue: {queue: jobs}}");
}

std::string request_with_body(const std::string& method, const std::string& path, const std::string& body) {
  return method + " " + path + " HTTP/1.1\r\nHost: example\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a request on a kept connection that has just been closed is sent on a new one, and is no failure") {
  for (const char* path : {"/plain", "/stream", "/kept"}) {
    for (const char* method : {"GET", "PUT", "POST", "PATCH"}) {
      for (const std::string& body : {std::string(), std::string("body"), std::string(300'000, 'b')}) {
        CAPTURE(path);
        CAPTURE(method);
        CAPTURE(body.size());
        Fixture fixture(closing_config());
        fixture.raw.script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        const auto client = fixture.client(request_with_body("POST", path, "first"));
        REQUIRE(fixture.next(*client).status == 200);
        fixture.raw.received.clear();
        client->send(request_with_body(method, path, body));  // both are seen in the next iteration, this one first
        fixture.raw.close_connections();
        CHECK(fixture.next(*client).status == 200);
        CHECK(fixture.raw.accepted == 2);
        fixture.until("the whole request", [&] { return fixture.raw.received.ends_with("\r\n\r\n" + body); });
        CHECK(fixture.raw.received.find(method, 1) == std::string::npos);  // once
        CHECK(fixture.metric("tidegate_retries_total") == 0);
        CHECK(fixture.metric("tidegate_breaker_calls_total", {"result=\"failure\""}) == 0);
        CHECK(fixture.logged("proxied").back()["attempts"] == 1);
      }
    }
  }
}

TEST_CASE("a request that the upstream has read before it closed or reset is not sent again, unless it may run twice") {
  for (const bool twice : {false, true}) {
    for (const auto end : {&RawUpstream::close_connections, &RawUpstream::reset_connections}) {
      Fixture fixture(closing_config());
      fixture.raw.script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      const auto client = fixture.client(request_with_body("POST", "/plain", "first"));
      REQUIRE(fixture.next(*client).status == 200);
      fixture.raw.received.clear();
      client->send(twice ? get("/plain") : request_with_body("POST", "/plain", "second"));
      fixture.until("it is read", [&] { return !fixture.raw.received.empty(); });
      (fixture.raw.*end)();
      CHECK(fixture.next(*client).status == (twice ? 200 : 502));
      CHECK(fixture.raw.accepted == (twice ? 2 : 1));
    }
  }
}

}  // namespace tidegate::loopback
