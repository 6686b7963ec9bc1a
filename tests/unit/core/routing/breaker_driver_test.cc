// A breaker's transitions: made on time though nobody calls, and announced once each, in order.
#include "core/routing/breaker_driver.h"

#include <doctest/doctest.h>

#include "base/log.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core {

namespace {

using policy::BreakerState;
using policy::Verdict;

std::shared_ptr<const config::Config> config() {
  return test::load_config(test::ConfigBuilder()
                               .upstream("u", "endpoints: ['http://10.0.0.2:3001'], breaker: {}")
                               .route("r", "match: {path: /*}, upstream: u"));
}

struct DriverFixture {
  DriverFixture() {
    log_configure(LogLevel::info, LogFormat::text);
    log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
    driver->add("u", breaker);
  }
  ~DriverFixture() { log_set_sink({}); }

  void call(Verdict verdict) { breaker->acquire(runtime.now()).permit.report(verdict, runtime.now()); }
  void open() {
    for (int i = 0; i < 5; ++i) call(Verdict::failure);
  }
  BreakerState state() const { return breaker->view(runtime.now()).state; }
  bool logged(size_t index, const std::string& transition) const {
    return index < log.size() && log[index].find("breaker_transition breaker=u " + transition) != std::string::npos;
  }

  net::SimRuntime runtime{1};
  std::vector<std::string> log;
  std::unique_ptr<metrics::Metrics> metrics = metrics::Metrics::make(*config(), "1", "test");
  BreakerMemory memory{BreakerMemory::Stores{}};
  std::unique_ptr<BreakerDriver> driver = std::make_unique<BreakerDriver>(runtime, *metrics, memory);
  std::shared_ptr<policy::Breaker> breaker =
      std::make_shared<policy::Breaker>("u", policy::BreakerConfig{}, runtime.now(), 1);
};

}  // namespace

TEST_CASE("a transition that a call causes is logged and counted on the driver's loop") {
  DriverFixture fixture;
  fixture.open();
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.log.empty());
  fixture.runtime.run_for(10ms);
  REQUIRE(fixture.log.size() == 1);
  CHECK(fixture.logged(0, "from=closed to=open reason=consecutive_failures"));
  const std::string text = fixture.metrics->render();
  const size_t line = text.find("tidegate_breaker_transitions_total{");
  REQUIRE(line != std::string::npos);
  CHECK(text.find("reason=\"consecutive_failures\"", line) != std::string::npos);
}

TEST_CASE("a breaker that nobody calls is half open when its time has come") {
  DriverFixture fixture;
  fixture.open();
  fixture.runtime.run_for(29s);
  CHECK(fixture.state() == BreakerState::open);
  fixture.runtime.run_for(2s);
  CHECK(fixture.state() == BreakerState::half_open);
  CHECK(fixture.logged(1, "from=open to=half_open reason=open_for_elapsed"));
}

TEST_CASE("a probe without a verdict opens it again when its lease has ended") {
  DriverFixture fixture;
  fixture.open();
  fixture.runtime.run_for(31s);
  const auto probe = fixture.breaker->acquire(fixture.runtime.now());
  REQUIRE(probe.permit.probe());
  fixture.runtime.run_for(30s);
  CHECK(fixture.state() == BreakerState::half_open);
  fixture.runtime.run_for(2s);
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.logged(2, "from=half_open to=open reason=probe_timed_out"));
}

TEST_CASE("a force ends on time") {
  DriverFixture fixture;
  fixture.breaker->force(BreakerState::forced_open, 10s, "maintenance", fixture.runtime.now());
  fixture.runtime.run_for(11s);
  CHECK(fixture.state() == BreakerState::closed);
  CHECK(fixture.logged(1, "from=forced_open to=closed reason=force_expired"));
}

TEST_CASE("the earliest of several breakers sets the timer, and one that has ended is no longer driven") {
  DriverFixture fixture;
  policy::BreakerConfig quick;
  quick.open_for = quick.open_for_max = 1s;
  auto other = std::make_shared<policy::Breaker>("u", quick, fixture.runtime.now(), 2);
  fixture.driver->add("other", other);
  fixture.open();
  for (int i = 0; i < 5; ++i)
    other->acquire(fixture.runtime.now()).permit.report(Verdict::failure, fixture.runtime.now());
  fixture.runtime.run_for(2s);
  CHECK(other->view(fixture.runtime.now()).state == BreakerState::half_open);
  CHECK(fixture.state() == BreakerState::open);
  other.reset();
  fixture.runtime.run_for(30s);
  CHECK(fixture.state() == BreakerState::half_open);
}

TEST_CASE("transitions that were dropped before the driver took them are logged with their number") {
  DriverFixture fixture;
  for (size_t i = 0; i < policy::Breaker::kQueuedTransitionsMax + 7; ++i) {
    fixture.breaker->force(BreakerState::forced_open, {}, "again", fixture.runtime.now());
  }
  fixture.runtime.run_for(10ms);
  REQUIRE(fixture.log.size() == 1 + policy::Breaker::kQueuedTransitionsMax);
  CHECK(fixture.log[0].find("breaker_transitions_dropped breaker=u dropped=7") != std::string::npos);
}

TEST_CASE("a driver that stops announces the last transitions, and nothing afterwards") {
  DriverFixture fixture;
  fixture.open();
  CHECK(fixture.log.empty());
  fixture.driver->stop();
  CHECK(fixture.log.size() == 1);
  fixture.breaker->force(BreakerState::forced_open, {}, "late", fixture.runtime.now());
  fixture.runtime.run_for(60s);
  fixture.driver.reset();
  CHECK(fixture.log.size() == 1);
  CHECK(fixture.runtime.active_timers() == 0);
}

}  // namespace tidegate::core
