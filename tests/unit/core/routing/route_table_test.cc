// What a reload replaces and what it keeps: tables built one after the other from the same Policies.
#include "core/routing/route_table.h"

#include <doctest/doctest.h>

#include "metrics/metrics.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core {

namespace {

// `breaker`: of the upstream; `more`: settings of the route "guarded".
std::shared_ptr<const config::Config> load(const std::string& breaker, const std::string& more) {
  return test::load_config(
      test::ConfigBuilder()
          .upstream("up",
                    "endpoints: ['http://10.0.0.2:3001'], bulkhead: {max_concurrent: 2}, retry_budget: {}, breaker: {" +
                        breaker + "}")
          .route("guarded", "match: {path: /guarded}, upstream: up" + more)
          .route("plain", "match: {path: /plain}, upstream: up"));
}

constexpr const char* kLimit = ", rate_limit: {key: global, rate: 5/s}";

struct Fixture {
  std::shared_ptr<const RouteTable> build(const std::string& breaker = "", const std::string& more = kLimit) {
    return use(load(breaker, more));
  }
  std::shared_ptr<const RouteTable> use(const std::shared_ptr<const config::Config>& config) {
    auto table = RouteTable::build(config, policies);
    policies.commit(table->config());
    return table;
  }

  std::unique_ptr<metrics::Metrics> metrics = metrics::Metrics::make(*load("", ""), "1", "test");
  net::SimRuntime runtime{1};
  Policies policies{runtime, *metrics, {}, {}, 1, {}};
};

}  // namespace

TEST_CASE("routes of one upstream share its policies, and a route's own come before them") {
  Fixture fixture;
  const auto shared = fixture.build();
  CHECK(shared->find_route("guarded")->policy.breaker == shared->find_route("plain")->policy.breaker);
  CHECK(shared->breakers().size() == 1);

  const auto own = fixture.build("", ", breaker: {}");
  CHECK(own->find_route("guarded")->policy.breaker != own->find_route("plain")->policy.breaker);
  CHECK(own->breakers().size() == 2);
  // So a breaker that a route has of its own shows that route's failures alone.
  const RouteState& guarded = *own->find_route("guarded");
  CHECK(guarded.judged == &own->judged_by(*guarded.policy.breaker));
  CHECK(guarded.judged != own->find_route("plain")->judged);
  CHECK(&guarded.judged->upstream == guarded.upstream);
  CHECK(own->find_route("guarded")->policy.bulkhead == own->find_route("plain")->policy.bulkhead);
  CHECK(own->find_route("absent") == nullptr);
  CHECK(own->listeners().at(0).routes.size() == 2);
}

TEST_CASE("a table with the same settings has the same policies") {
  Fixture fixture;
  const auto before = fixture.build();
  const auto after = fixture.build();
  const RouteState& old_route = *before->find_route("guarded");
  const RouteState& new_route = *after->find_route("guarded");
  CHECK(&old_route != &new_route);
  CHECK(old_route.policy.breaker == new_route.policy.breaker);
  CHECK(old_route.policy.bulkhead == new_route.policy.bulkhead);
  CHECK(old_route.policy.budget == new_route.policy.budget);
  CHECK(old_route.policy.limiter == new_route.policy.limiter);
  CHECK(old_route.policy.limiter);
  CHECK(before->rate_key_secret() == after->rate_key_secret());
}

TEST_CASE("what has other settings is made anew, and nothing else") {
  Fixture fixture;
  const auto before = fixture.build();
  const auto after = fixture.build("consecutive_failures: 9");
  const policy::RoutePolicy& old_policy = before->find_route("guarded")->policy;
  const policy::RoutePolicy& new_policy = after->find_route("guarded")->policy;
  CHECK(old_policy.breaker != new_policy.breaker);
  CHECK(new_policy.breaker->config().consecutive_failures == 9);
  CHECK(old_policy.bulkhead == new_policy.bulkhead);
  CHECK(old_policy.limiter == new_policy.limiter);
}

TEST_CASE("who holds a route keeps its table, and a policy ends with the last table that uses it") {
  Fixture fixture;
  auto before = fixture.build();
  RoutePtr held = find_route(before, "guarded");
  const std::weak_ptr<policy::RateLimiter> limiter = held->policy.limiter;
  before.reset();
  const auto after = fixture.build("", "");
  CHECK_FALSE(after->find_route("guarded")->policy.limiter);
  CHECK(held->config->name == "guarded");
  CHECK(held->listener->name == "in");
  CHECK_FALSE(limiter.expired());
  held.reset();
  CHECK(limiter.expired());
}

namespace {

std::shared_ptr<const config::Config> load_upstream(const std::string& settings) {
  return test::load_config(test::ConfigBuilder()
                               .upstream("up", "endpoints: ['http://10.0.0.2:3001'], " + settings)
                               .route("r", "match: {path: /*}, upstream: up"));
}

}  // namespace

TEST_CASE("a limit is changed where it is, once the table is committed: it bounds the calls of both tables") {
  Fixture fixture;
  const auto before = fixture.use(load_upstream("bulkhead: {max_concurrent: 2}, max_connections: 7"));
  policy::Bulkhead& bulkhead = *before->find_route("r")->policy.bulkhead;
  const auto slot = bulkhead.acquire();
  const auto next =
      RouteTable::build(load_upstream("bulkhead: {max_concurrent: 1}, max_connections: 9"), fixture.policies);
  CHECK(next->find_route("r")->policy.bulkhead.get() == &bulkhead);
  CHECK(&next->find_route("r")->upstream->connections() == &before->find_route("r")->upstream->connections());
  CHECK(bulkhead.view().limit == 2);
  fixture.policies.commit(next->config());
  CHECK(bulkhead.view().limit == 1);
  CHECK(bulkhead.view().in_use == 1);
  CHECK_FALSE(bulkhead.acquire());
}

TEST_CASE("a table that is built in steps has every route in its order, and changes nothing before it is committed") {
  Fixture fixture;
  const auto before = fixture.use(load_upstream("bulkhead: {max_concurrent: 2}"));
  test::ConfigBuilder many;
  many.upstream("up", "endpoints: ['http://10.0.0.2:3001'], bulkhead: {max_concurrent: 1}");
  constexpr int kRoutes = 100;
  for (int i = 0; i < kRoutes; ++i) {
    many.route("r" + std::to_string(i), "match: {path: /" + std::to_string(i) + "}, upstream: up");
  }
  const auto config = test::load_config(many);
  RouteTable::Build build(config, fixture.policies);
  int steps = 1;
  while (build.step()) ++steps;
  CHECK(steps == 1 + kRoutes + 1);  // the upstream, the routes, and the end
  const auto table = build.take();
  CHECK(before->bulkheads()[0]->view().limit == 2);
  fixture.policies.commit(*config);
  CHECK(before->bulkheads()[0]->view().limit == 1);
  REQUIRE(table->listeners().size() == 1);
  const auto& routes = table->listeners()[0].routes;
  REQUIRE(routes.size() == kRoutes);
  for (size_t i = 0; i < kRoutes; ++i) CHECK(routes[i].config == &config->listeners[0].routes[i]);
}

TEST_CASE("a table that is not used changes nothing, and what was in force is found again") {
  Fixture fixture;
  const auto before = fixture.build("consecutive_failures: 4");
  auto refused = RouteTable::build(load("consecutive_failures: 9", ""), fixture.policies);
  CHECK(refused->breakers()[0] != before->breakers()[0]);
  refused.reset();
  fixture.policies.roll_back();
  const auto after = fixture.build("consecutive_failures: 4");
  CHECK(after->breakers()[0] == before->breakers()[0]);
  CHECK(after->find_route("guarded")->policy.limiter == before->find_route("guarded")->policy.limiter);
}

TEST_CASE("an upstream keeps its connections where other policies are configured, not where other endpoints are") {
  Fixture fixture;
  const auto before = fixture.use(load_upstream("max_connections: 7"));
  const auto limits = fixture.use(load_upstream("max_connections: 9, max_pending: 1, breaker: {}, retry_budget: {}"));
  CHECK(limits->find_route("r")->upstream == before->find_route("r")->upstream);
  const auto slower = fixture.use(load_upstream("connect_timeout: 1s"));
  CHECK(slower->find_route("r")->upstream != before->find_route("r")->upstream);
  CHECK(&slower->find_route("r")->upstream->connections() == &before->find_route("r")->upstream->connections());
}

TEST_CASE("a rate limiter is kept though its clients are kept longer than configured") {
  Fixture fixture;
  const char* const limit = ", rate_limit: {key: global, rate: 1/m, burst: 100, idle_ttl: 1s}";
  const auto before = fixture.build("", limit);
  const auto after = fixture.build("", limit);
  CHECK(after->find_route("guarded")->policy.limiter == before->find_route("guarded")->policy.limiter);
}

TEST_CASE("what is known of the failures of a breaker is kept with it") {
  Fixture fixture;
  const auto before = fixture.build();
  const auto after = fixture.build();
  CHECK(before->find_route("guarded")->judged == after->find_route("guarded")->judged);
  const auto other = fixture.build("consecutive_failures: 9");
  CHECK(other->find_route("guarded")->judged != after->find_route("guarded")->judged);
}

}  // namespace tidegate::core
