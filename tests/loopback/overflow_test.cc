// Bodies that grow beyond what may be stored while they are forwarded, and a disk that cannot be written.
#include "loopback/fixture.h"
#include "loopback/temp_folder.h"

namespace tidegate::loopback {

namespace {

std::string keeping_config(const std::string& max_body) {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0, limits: {body: 64MiB, body_timeout: 2s}")
      .upstream("up", R"(endpoints: ["{UP}"])")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("keep",
             "match: {path: /keep}, upstream: up, buffering: off, timeout: {total: 5s},"
             "fallback: {enqueue: {queue: jobs, max_body: " +
                 max_body + "}}");
}

// Sends chunks of 4 KiB, each after the upstream has received the one before: the attempt never lags behind.
void pass_in_step(Fixture& fixture, size_t chunks) {
  const auto client = fixture.client("POST /keep HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string body;
  for (size_t i = 0; i < chunks; ++i) {
    const std::string piece(4096, static_cast<char>('a' + i % 26));
    body += piece;
    client->send("1000\r\n" + piece + "\r\n");
    fixture.until("the piece is through", [&] {
      return client->over() || (!fixture.upstream.seen.empty() && fixture.upstream.seen[0].body_bytes == body.size());
    });
    REQUIRE_FALSE(client->over());
  }
  client->send("0\r\n\r\n");
  CHECK(fixture.next(*client).status == 200);
  CHECK((fixture.upstream.seen.at(0).body == body));
}

}  // namespace

TEST_CASE("a chunked body that grows beyond max_body is still forwarded, from memory and from a file") {
  for (const char* max_body : {"32KiB", "128KiB", "200KiB", "512KiB"}) {
    CAPTURE(std::string(max_body));
    Fixture fixture(keeping_config(max_body));
    pass_in_step(fixture, 200);
  }
}

TEST_CASE("without a temporary file, a large chunked body is still forwarded") {
  Fixture fixture(keeping_config("32MiB"));
  const TempFolder nowhere("/nonexistent");
  pass_in_step(fixture, 200);
}

TEST_CASE("without a temporary file, a large body with Content-Length is still forwarded") {
  Fixture fixture(keeping_config("32MiB"));
  const TempFolder nowhere("/nonexistent");
  const std::string body(3'000'000, 'x');
  CHECK(fixture.ask(post("/keep", body)).status == 200);
  CHECK(fixture.upstream.seen.at(0).body_bytes == body.size());
}

}  // namespace tidegate::loopback
