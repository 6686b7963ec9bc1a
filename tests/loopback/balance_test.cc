// Requests over two endpoints of one upstream.
#include "loopback/fixture.h"

namespace tidegate::loopback {

TEST_CASE("sequential requests of one client reach both endpoints equally often") {
  for (const char* balance : {"round_robin", "least_requests"}) {
    CAPTURE(balance);
    Fixture fixture(test::ConfigBuilder()
                        .listener("address: 127.0.0.1:0")
                        .upstream("both", std::string("endpoints: [\"{UP}\", \"{SECOND}\"], balance: ") + balance)
                        .route("both", "match: {path: /*}, upstream: both"));
    const auto client = fixture.client();
    for (int i = 0; i < 40; ++i) {
      client->send(get("/"));
      CHECK(fixture.next(*client).status == 200);
    }
    CHECK(fixture.upstream.seen.size() == 20);
    CHECK(fixture.second.seen.size() == 20);
    CHECK(fixture.upstream.connections() == 1);
    CHECK(fixture.second.connections() == 1);
  }
}

TEST_CASE("a retry goes to another endpoint, which the line of the request names") {
  Fixture fixture(test::ConfigBuilder()
                      .listener("address: 127.0.0.1:0")
                      .upstream("both", "endpoints: [\"{UP}\", \"{SECOND}\"]")
                      .route("both",
                             "match: {path: /*}, upstream: both,"
                             "retry: {max_attempts: 2, on: [503], backoff: {base: 1ms, max: 1ms, jitter: none}}"));
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const auto client = fixture.client();
  for (int i = 0; i < 4; ++i) {
    client->send(get("/"));
    CHECK(fixture.next(*client).status == 200);
  }
  CHECK(fixture.second.seen.size() == 4);
  CHECK(fixture.upstream.seen.size() > 0);
  const auto lines = fixture.logged("proxied");
  REQUIRE(lines.size() == 4);
  for (const auto& line : lines) {
    CHECK(line.at("endpoint") == "127.0.0.1:" + std::to_string(fixture.second.port()));
  }
  CHECK(lines[0].at("attempts") == 2);
}

}  // namespace tidegate::loopback
