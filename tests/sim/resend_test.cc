// A retry sends the body from its beginning, wherever the attempt before it stopped reading.
#include <doctest/doctest.h>

#include "sim/simulation.h"
#include "support/config_builder.h"

namespace tidegate::sim {

namespace {

std::string resending_config() {
  return test::ConfigBuilder()
      .admin("address: 127.0.0.1:9901")
      .listener("address: 10.0.0.1:8081, limits: {body: 4MiB}")
      .upstream("up", R"(endpoints: ["http://10.0.0.2:3001"], retry_budget: {ratio: 100, min_per_second: 1000})")
      .queue("q", R"(url: "sqlite:///sim.db")")
      .route("work", R"(match: {path: /work}, upstream: up, fallback: {enqueue: {queue: q, max_body: 2MiB}},
             retry: {max_attempts: 50, on: [connect_failure, reset], methods: any,
                     backoff: {base: 1ms, max: 1ms, jitter: full}})");
}

}  // namespace

TEST_CASE("a retry sends the same body") {
  int compared = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Scenario scenario;
    scenario.seed = seed;
    Simulation simulation(scenario, resending_config());
    net::SimLink link;
    link.reset = 0.02;
    simulation.runtime().set_link(*SocketAddress::parse("10.0.0.2:3001"), link);
    std::vector<SimClient*> clients;
    for (int i = 0; i < 10; ++i) {
      ClientPlan plan;
      plan.id = "c" + std::to_string(i);
      plan.target = "/work?n=" + std::to_string(i);
      for (int j = 0; j < 120'000; ++j) plan.body += std::to_string(j * (i + 1) % 99991);
      clients.push_back(&simulation.client(plan));
    }
    simulation.run_for(60s);
    for (const SimClient* client : clients) {
      if (!client->has_response() || client->result().value().status != 200) continue;
      ++compared;
      CHECK((client->result().value().body == expected_response(client->plan().target, client->plan().body)));
    }
  }
  CHECK(compared > 100);
}

}  // namespace tidegate::sim
