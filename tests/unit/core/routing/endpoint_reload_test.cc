// What of an upstream's endpoints survives a reload: tables built one after the other from the same Policies.
#include <doctest/doctest.h>

#include "core/routing/route_table.h"
#include "metrics/metrics.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core {

namespace {

constexpr const char* kOne = "'http://10.0.0.2:3001'";
constexpr const char* kTwo = "'http://10.0.0.2:3001', 'http://10.0.0.3:3001'";
constexpr const char* kOther = "'http://10.0.0.4:3001', 'http://10.0.0.3:3001'";

struct ReloadFixture {
  using Table = std::shared_ptr<const RouteTable>;

  static std::shared_ptr<const config::Config> load(const std::string& endpoints, const std::string& more) {
    return test::load_config(
        test::ConfigBuilder()
            .upstream("up",
                      "endpoints: [" + endpoints + "], balance: round_robin, health_check: {unhealthy_after: 1}" + more)
            .route("r", "match: {path: /*}, upstream: up"));
  }
  Table build(const std::string& endpoints, const std::string& more = "") {
    return RouteTable::build(load(endpoints, more), policies);
  }
  static Upstream& up(const Table& table) { return *table->upstreams().at("up"); }
  size_t choose(const Table& table) { return up(table).choose(runtime.now()).index(); }

  std::unique_ptr<metrics::Metrics> metrics = metrics::Metrics::make(*load(kOne, ""), "1", "test");
  net::SimRuntime runtime{1};
  Policies policies{runtime, *metrics, {}, {}, 1, {}};
};

}  // namespace

TEST_CASE("an endpoint keeps its state where other settings of its upstream change, or other endpoints") {
  ReloadFixture fixture;
  const auto before = fixture.build(kTwo);
  fixture.up(before).endpoint(1).health().check_failed("500", fixture.runtime.now());
  for (const auto& after : {fixture.build(kTwo, ", max_connections: 7, breaker: {}"), fixture.build(kOther)}) {
    CHECK(&fixture.up(after).endpoint(1) == &fixture.up(before).endpoint(1));
    for (int i = 0; i < 10; ++i) CHECK(fixture.choose(after) == 0);
  }
}

TEST_CASE("an endpoint with other settings of its own begins anew") {
  ReloadFixture fixture;
  const auto before = fixture.build(kTwo);
  fixture.up(before).endpoint(1).health().check_failed("500", fixture.runtime.now());
  for (const char* more : {", outlier_ejection: {}", ", connect_timeout: 1s", ", dns: {stale: 2h}"}) {
    const auto after = fixture.build(kTwo, more);
    CHECK(fixture.up(after).endpoint(1).health().state() == policy::EndpointState::healthy);
  }
}

TEST_CASE("tables of before and after count requests and turns together") {
  ReloadFixture fixture;
  const auto before = fixture.build(kTwo);
  const auto after = fixture.build(kTwo, ", max_connections: 7");
  for (int i = 0; i < 10; ++i) {
    CHECK(fixture.choose(before) == 0);
    CHECK(fixture.choose(after) == 1);
  }
}

TEST_CASE("a new endpoint gets its share, and is not flooded for what those of before have had") {
  ReloadFixture fixture;
  auto before = fixture.build(kOne);
  for (int i = 0; i < 1000; ++i) fixture.choose(before);
  const auto after = fixture.build(kTwo);
  int to_new = 0;
  for (int i = 0; i < 100; ++i) to_new += fixture.choose(after) == 1 ? 1 : 0;
  CHECK(to_new == 50);
}

TEST_CASE("a reload that is refused ends neither health checks nor the time of an ejection") {
  ReloadFixture fixture;
  const std::string ejection = ", outlier_ejection: {consecutive_failures: 1, eject_for: 30s}";
  const auto table = fixture.build(kTwo, ejection);
  fixture.policies.commit(table->config());
  const auto look = [&] { return fixture.up(table).endpoint(1).health().view(); };
  fixture.up(table).call_failed(1, "500", fixture.runtime.now(), fixture.runtime.now());
  REQUIRE(look().state == policy::EndpointState::ejected);
  fixture.runtime.run_for(20s);
  const auto last_check = look().last_check;
  static_cast<void>(fixture.build(kTwo, ejection + ", dns: {stale: 2h}"));
  fixture.policies.roll_back();
  fixture.runtime.run_for(20s);
  CHECK_FALSE(look().ejected_until);
  REQUIRE(last_check);
  CHECK(look().last_check->at > last_check->at);
}

TEST_CASE("the state of an endpoint ends with the last table that has it") {
  ReloadFixture fixture;
  auto before = fixture.build(kTwo);
  const std::weak_ptr<Endpoint> removed = fixture.up(before).endpoints()[1];
  removed.lock()->health().check_failed("500", fixture.runtime.now());
  auto after = fixture.build(kOne);
  CHECK_FALSE(removed.expired());
  before.reset();
  CHECK(removed.expired());
  after = fixture.build(kTwo);
  CHECK(fixture.up(after).endpoint(1).health().state() == policy::EndpointState::healthy);
}

}  // namespace tidegate::core
