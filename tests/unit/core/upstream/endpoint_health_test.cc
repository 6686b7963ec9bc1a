#include "core/upstream/endpoint_health.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/log.h"

namespace tidegate::core {

namespace {

struct HealthFixture {
  HealthFixture() {
    log_set_sink([this](LogLevel, std::string_view line) { lines.emplace_back(line); });
  }
  ~HealthFixture() { log_set_sink({}); }
  bool has(size_t line, const char* text) const { return lines.at(line).find(text) != std::string::npos; }

  EndpointHealth health{"optimizer", "10.0.0.7:80"};
  std::vector<std::string> lines;
  const Time noon = Time{} + 12h;
};

}  // namespace

TEST_CASE("an endpoint is healthy until a connect fails, and again once one succeeds") {
  HealthFixture fixture;
  EndpointHealth& health = fixture.health;
  CHECK(health.view().healthy());
  CHECK_FALSE(health.view().last_failure);
  health.connect_failed("connection refused", fixture.noon);
  health.connect_failed("no reply", fixture.noon + 1s);
  const EndpointHealth::View view = health.view();
  CHECK_FALSE(view.healthy());
  CHECK(view.failed_connects == 2);
  CHECK(view.since == fixture.noon);
  REQUIRE(view.last_failure);
  CHECK(view.last_failure->reason == "no reply");
  CHECK(view.last_failure->at == fixture.noon + 1s);
  health.reached(fixture.noon + 2s);
  CHECK(health.view().healthy());
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

}  // namespace tidegate::core
