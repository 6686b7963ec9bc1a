// A second try must send the body from its beginning, whatever the first one was reading when it ended.
#include <doctest/doctest.h>

#include "sim/world.h"

namespace tidegate::sim {

namespace {

constexpr const char* kYaml = R"(
admin: {address: 127.0.0.1:9901}
upstreams:
  up: {endpoints: ["http://10.0.0.2:3001"], retry_budget: {ratio: 100, min_per_second: 1000}}
queues:
  q: {url: "sqlite:///sim.db"}
listeners:
  - name: in
    address: 10.0.0.1:8081
    limits: {body: 4MiB}
    routes:
      - name: work
        match: {path: /work}
        upstream: up
        retry: {max_attempts: 50, on: [connect_failure, reset], methods: any, backoff: {base: 1ms, max: 1ms, jitter: full}}
        fallback: {enqueue: {queue: q, max_body: 2MiB}}
)";

}  // namespace

TEST_CASE("a body that is sent again is the same body") {
  int compared = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Scenario scenario;
    scenario.seed = seed;
    World world(scenario, kYaml);
    net::SimLink link;
    link.reset = 0.02;
    world.runtime().set_link(*SocketAddress::parse("10.0.0.2:3001"), link);
    std::vector<SimClient*> clients;
    for (int i = 0; i < 10; ++i) {
      ClientPlan plan;
      plan.id = "c" + std::to_string(i);
      plan.target = "/work?n=" + std::to_string(i);
      for (int j = 0; j < 120'000; ++j) plan.body += std::to_string(j * (i + 1) % 99991);
      clients.push_back(&world.client(plan));
    }
    world.run_for(60s);
    for (const SimClient* client : clients) {
      if (!client->answered() || client->result().value().status != 200) continue;
      ++compared;
      CHECK((client->result().value().body == expected_answer(client->plan().target, client->plan().body)));
    }
  }
  CHECK(compared > 100);
}

}  // namespace tidegate::sim
