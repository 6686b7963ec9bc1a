// An upstream that responds to the headers of a large upload and closes at once, with the body unread.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

constexpr size_t kBody = 3'000'000;

std::string refusing_config() {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0")
      .upstream("raw", R"(endpoints: ["{RAW}"], breaker: {})")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("plain", "match: {path: /plain}, upstream: raw")
      .route("again", "match: {path: /again}, upstream: raw, retry: {max_attempts: 2, on: [reset], methods: any}")
      .route("park",
             "match: {path: /park}, upstream: raw,"
             "fallback: {on: [reset, connect_failure], enqueue: {queue: jobs}}");
}

void refuse_early(RawUpstream& raw, const char* status_line) {
  raw.script = std::string("HTTP/1.1 ") + status_line + "\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n";
  raw.closes = true;
  raw.keep = false;
}

}  // namespace

TEST_CASE("an upstream that refuses an upload early and closes is relayed: each of 200, 20 at once") {
  for (const char* path : {"/plain", "/again", "/park"}) {
    CAPTURE(path);
    Fixture fixture(refusing_config());
    refuse_early(fixture.raw, "413 Content Too Large");
    const std::string request = post(path, std::string(kBody, 'b'));
    for (int round = 0; round < 10; ++round) {
      std::vector<std::unique_ptr<test::RawClient>> clients;
      for (int i = 0; i < 20; ++i) clients.push_back(fixture.client(request));
      for (const auto& client : clients) {
        const Reply reply = fixture.next(*client);
        CHECK(reply.status == 413);
        CHECK(reply.body == "no\n");
      }
    }
    CHECK(fixture.raw.accepted == 200);  // each once
    CHECK(fixture.logged("proxied").size() == 200);
    CHECK(fixture.metric("tidegate_breaker_calls_total", {"raw", "result=\"failure\""}) == 0);
    CHECK(fixture.metric("tidegate_breaker_calls_total", {"raw", "result=\"success\""}) == 200);
  }
}

TEST_CASE("a stored upload that the upstream refuses early has that refusal as its result") {
  Fixture fixture(refusing_config());
  refuse_early(fixture.raw, "401 Unauthorized");
  const Reply accepted = fixture.ask(post("/park", std::string(kBody, 'b'), "Prefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  const std::string id = accepted.json().at("job_id");
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  const Reply result = fixture.ask(get("/_jobs/" + id + "/result"));
  CHECK(result.status == 401);
  CHECK(result.body == "no\n");
  CHECK(fixture.raw.accepted == 1);
}

TEST_CASE("a refusal that is not whole is still a reset") {
  Fixture fixture(refusing_config());
  refuse_early(fixture.raw, "413 Content Too Large");
  fixture.raw.script.pop_back();
  const Reply reply = fixture.ask(post("/plain", std::string(kBody, 'b')));
  CHECK_FALSE(reply.whole);
  fixture.until("it is logged", [&] { return fixture.logged("reset").size() == 1; });
}

}  // namespace tidegate::loopback
