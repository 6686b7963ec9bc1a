// Interim responses (1xx other than 100 and 101) on their way to the client.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

constexpr const char* kHint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";
constexpr const char* kFramedHint =
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";
constexpr const char* kDone = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string interim_config() {
  return test::ConfigBuilder()
      .upstream("raw", "endpoints: [\"{RAW}\"]")
      .queue("jobs", "url: \"sqlite://{DIR}/jobs.db\"")
      .route("raw", "match: {path: /raw}, upstream: raw")
      .route("again",
             "match: {path: /again}, upstream: raw,"
             "retry: {max_attempts: 2, on: [503], backoff: {base: 1ms, max: 1ms, jitter: none}}")
      .route("park", "match: {path: /park}, upstream: raw, fallback: {on: [503], enqueue: {queue: jobs}}");
}

}  // namespace

TEST_CASE("interim responses are forwarded without their hop-by-hop fields, at once, before the response") {
  Fixture fixture(interim_config());
  fixture.raw.script = std::string(kFramedHint) + "HTTP/1.1 100 Continue\r\n\r\n" + kHint;
  const auto client = fixture.client(get("/raw"));
  fixture.until("both hints", [&] { return client->count("HTTP/1.1 103 Early Hints\r\n") == 2; });
  const Reply hint = fixture.next(*client);
  CHECK(hint.status == 103);
  CHECK(hint.field("link") == "</a>");
  for (const char* gone : {"x-hop", "connection", "content-length", "transfer-encoding"}) CHECK(hint.count(gone) == 0);
  CHECK(fixture.next(*client).status == 103);
  CHECK(client->received.empty());
}

TEST_CASE("a client with HTTP/1.0 gets no interim response") {
  Fixture fixture(interim_config());
  fixture.raw.script = std::string(kHint) + kDone;
  const auto client = fixture.client("GET /raw HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(fixture.next(*client).body == "ok");
  CHECK_FALSE(client->has("103"));
}

TEST_CASE("more than ten interim responses of one attempt are the upstream's mistake, and end in one response") {
  Fixture fixture(interim_config());
  for (int i = 0; i < 11; ++i) fixture.raw.script += kHint;
  const auto client = fixture.client(get("/raw"));
  for (int i = 0; i < 10; ++i) CHECK(fixture.next(*client).status == 103);
  CHECK(fixture.next(*client).status == 502);
}

TEST_CASE(
    "an attempt that announces something may still be retried or parked: ten interim responses at most, then one "
    "response") {
  std::string six;
  for (int i = 0; i < 6; ++i) six += kHint;
  Fixture fixture(interim_config());
  fixture.raw.script = six + "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  const auto client = fixture.client(get("/again") + get("/park"));
  for (int i = 0; i < 10; ++i) CHECK(fixture.next(*client).status == 103);
  CHECK(fixture.next(*client).status == 503);
  for (int i = 0; i < 6; ++i) CHECK(fixture.next(*client).status == 103);
  CHECK(fixture.next(*client).status == 202);
}

}  // namespace tidegate::loopback
