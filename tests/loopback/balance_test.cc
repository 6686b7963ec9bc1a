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

}  // namespace tidegate::loopback
