// The admin interface's limits in time, in simulated time.
#include <doctest/doctest.h>

#include "admin/admin_service.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"
#include "unit/http/raw_client.h"

namespace tidegate::admin {

namespace {

struct SilenceFixture {
  SilenceFixture() { REQUIRE(service.listen().ok()); }

  net::SimRuntime runtime{1};
  std::shared_ptr<const config::Config> config =
      test::load_config(test::ConfigBuilder()
                            .upstream("u", "endpoints: ['http://10.0.0.2:1']")
                            .route("r", "match: {path: /*}, upstream: u"));
  std::unique_ptr<metrics::Metrics> metrics = metrics::Metrics::make(*config, "1", "test");
  core::Gateway gateway{runtime, config, *metrics, core::Gateway::QueueStores{}, 1};
  AdminService service{runtime, gateway, Build{"1", "test"}};
};

}  // namespace

TEST_CASE("a connection to the admin interface that stays silent, in whatever phase, is closed after some seconds") {
  SilenceFixture fixture;
  for (const char* first : {"", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
                            "POST /api/queues/q/replay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"}) {
    CAPTURE(std::string(first));
    test::RawClient client(fixture.runtime, fixture.service.address(), first);
    fixture.runtime.run_for(4s);
    CHECK_FALSE(client.over());
    fixture.runtime.run_for(3s);
    CHECK(client.over());
  }
}

}  // namespace tidegate::admin
