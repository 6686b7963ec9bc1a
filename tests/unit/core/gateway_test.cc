// The end of what all workers share.
#include "core/gateway.h"

#include <doctest/doctest.h>

#include "base/log.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core {

TEST_CASE("a gateway that ends announces what its breakers did in the last event-loop iteration") {
  std::vector<std::string> log;
  log_configure(LogLevel::info, LogFormat::text);
  log_set_sink([&](LogLevel, std::string_view line) { log.emplace_back(line); });
  net::SimRuntime runtime(1);
  const auto config = test::load_config(test::ConfigBuilder()
                                            .upstream("u", "endpoints: ['http://10.0.0.2:3001'], breaker: {}")
                                            .route("r", "match: {path: /*}, upstream: u"));
  const auto metrics = metrics::Metrics::make(*config, "1", "test");
  auto gateway = std::make_unique<Gateway>(runtime, config, *metrics, Gateway::QueueStores{}, 1);
  policy::Breaker& breaker = *gateway->table()->find_route("r")->policy.breaker;
  for (int i = 0; i < 5; ++i) breaker.acquire(runtime.now()).permit.report(policy::Verdict::failure, runtime.now());
  CHECK(log.empty());
  gateway.reset();
  log_set_sink({});
  REQUIRE(log.size() == 1);
  CHECK(log[0].find("breaker_transition breaker=u from=closed to=open") != std::string::npos);
}

}  // namespace tidegate::core
