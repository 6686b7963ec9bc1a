#include "core/upstream/endpoint_health.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/log.h"

namespace tidegate::core {

using policy::EndpointState;

namespace {

struct HealthFixture {
  HealthFixture() {
    log_configure(LogLevel::info, LogFormat::text);
    log_set_sink([this](LogLevel, std::string_view line) { lines.emplace_back(line); });
  }
  ~HealthFixture() { log_set_sink({}); }
  bool has(size_t line, const char* text) const { return lines.at(line).find(text) != std::string::npos; }

  struct Counts final : metrics::EndpointMetrics {
    void checked(metrics::CheckResult) override {}
    void ejected() override { ++ejections; }
    int ejections = 0;
  };

  Counts counts;
  int changes = 0;
  EndpointHealth health{
      "optimizer", "10.0.0.7:80", counts, policy::HealthCheckConfig(), policy::EjectionConfig(), [this] { ++changes; }};
  std::vector<std::string> lines;
  const Time noon = Time{} + 12h;
};

}  // namespace

TEST_CASE("an endpoint is healthy until a connect fails, and again once one succeeds") {
  HealthFixture fixture;
  EndpointHealth& health = fixture.health;
  CHECK(health.state() == EndpointState::healthy);
  CHECK_FALSE(health.view().last_failure);
  health.connect_failed("connection refused", fixture.noon);
  health.connect_failed("no reply", fixture.noon + 1s);
  const policy::EndpointStateView view = health.view();
  CHECK(view.state == EndpointState::unavailable);
  CHECK(view.failed_connects == 2);
  CHECK(view.since == fixture.noon);
  REQUIRE(view.last_failure);
  CHECK(view.last_failure->reason == "no reply");
  CHECK(view.last_failure->at == fixture.noon + 1s);
  health.reached(fixture.noon + 2s);
  CHECK(health.state() == EndpointState::healthy);
  CHECK_FALSE(health.view().since);
  CHECK(health.view().last_failure->reason == "no reply");  // what it was, is still of interest
}

TEST_CASE(
    "the log has one line when an endpoint becomes unavailable, however often it fails, and one when it recovers") {
  HealthFixture fixture;
  fixture.health.reached(fixture.noon);
  CHECK(fixture.lines.empty());
  for (int i = 0; i < 1000; ++i) fixture.health.connect_failed("connection refused", fixture.noon + i * 1s);
  REQUIRE(fixture.lines.size() == 1);
  CHECK(fixture.has(0, "upstream_endpoint_unavailable"));
  CHECK(fixture.has(0, "upstream=optimizer endpoint=10.0.0.7:80 reason=\"connection refused\""));
  fixture.health.reached(fixture.noon + 1000s);
  fixture.health.reached(fixture.noon + 1001s);
  REQUIRE(fixture.lines.size() == 2);
  CHECK(fixture.has(1, "upstream_endpoint_recovered"));
  CHECK(fixture.has(1, "failed_connects=1000 unavailable_s=1000"));
}

TEST_CASE("an endpoint that goes up and down is logged at most once in ten seconds, and never left as recovered") {
  HealthFixture fixture;
  EndpointHealth& health = fixture.health;
  for (int i = 0; i < 40; ++i) {  // 8 s
    health.connect_failed("connection refused", fixture.noon + i * 200ms);
    health.reached(fixture.noon + i * 200ms + 100ms);
  }
  CHECK(fixture.lines.size() == 2);  // unavailable, recovered
  health.connect_failed("connection refused", fixture.noon + 9s);
  CHECK(fixture.lines.size() == 2);
  health.connect_failed("connection refused", fixture.noon + 11s);
  REQUIRE(fixture.lines.size() == 3);
  CHECK(fixture.has(2, "upstream_endpoint_unavailable"));
  health.reached(fixture.noon + 12s);
  REQUIRE(fixture.lines.size() == 4);
  CHECK(fixture.has(3, "failed_connects=2 unavailable_s=3"));
}

TEST_CASE(
    "each transition is logged with why; users of the endpoint are notified when it goes out and when it is in again") {
  HealthFixture fixture;
  EndpointHealth& health = fixture.health;
  const auto fail_calls = [&](Time at) {
    for (int i = 1; i < 3; ++i) CHECK_FALSE(health.call_failed("reset: by peer", at, at));
    CHECK(health.call_failed("reset: by peer", at, at));
    health.eject(at);
  };
  fail_calls(fixture.noon);
  CHECK(fixture.counts.ejections == 1);
  REQUIRE(fixture.lines.size() == 1);
  CHECK(fixture.has(0,
                    "upstream_endpoint_ejected upstream=optimizer endpoint=10.0.0.7:80 reason=\"3 failed calls in a "
                    "row, the last: reset: by peer\" ejected_for_s=30 ejections=1"));
  health.eject(fixture.noon);  // another thread saw the same
  health.advance(fixture.noon + 29s);
  CHECK(fixture.changes == 1);
  health.advance(fixture.noon + 30s);
  REQUIRE(fixture.lines.size() == 2);
  CHECK(fixture.has(1, "upstream_endpoint_returned"));
  CHECK(fixture.has(1, "state=healthy reason=\"the time of the ejection is over\" unavailable_s=30"));
  CHECK(fixture.changes == 2);

  fail_calls(fixture.noon + 31s);
  for (int i = 0; i < 3; ++i) health.check_failed("health check: status 500", fixture.noon + 32s);
  REQUIRE(fixture.lines.size() == 4);
  CHECK(fixture.has(3, "upstream_endpoint_unhealthy"));
  CHECK(fixture.has(3, "reason=\"health check: status 500\" failed_checks=3"));
  CHECK(fixture.changes == 3);  // out it was before
  for (int i = 0; i < 2; ++i) health.check_succeeded(fixture.noon + 41s);
  REQUIRE(fixture.lines.size() == 5);
  CHECK(fixture.has(4, "upstream_endpoint_ejected"));  // still, and counted once
  CHECK(fixture.has(4, "reason=\"2 good health checks in a row\" ejected_for_s=50 ejections=2"));
  CHECK(fixture.counts.ejections == 2);
  CHECK(fixture.changes == 3);
  health.advance(fixture.noon + 91s);
  CHECK(fixture.changes == 4);

  for (int i = 0; i < 3; ++i) health.check_failed("health check: status 500", fixture.noon + 92s);
  for (int i = 0; i < 2; ++i) health.check_succeeded(fixture.noon + 102s);
  REQUIRE(fixture.lines.size() == 8);
  CHECK(fixture.has(7, "upstream_endpoint_recovered"));
  CHECK(fixture.has(7, "reason=\"2 good health checks in a row\" failed_connects=0 unavailable_s=10"));
}

}  // namespace tidegate::core
