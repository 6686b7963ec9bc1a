// An outage: from the first opening to the closing, through every probe that fails in between.
#include <doctest/doctest.h>

#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{500s};

struct OutageFixture {
  OutageFixture() {
    for (int i = 0; i < 5; ++i) call(Verdict::failure, "connect_failure");
  }

  void call(Verdict verdict, std::string_view why = "") { breaker.acquire(now).permit.report(verdict, now, why); }
  // Waits until the next probe, which ends so.
  void probe(Verdict verdict) {
    now = *breaker.view(now).next_probe_at + 1ns;
    call(verdict, "503");
  }
  BreakerView view() const { return breaker.view(now); }

  Time now = kStart;
  Breaker breaker{"b", {}, kStart, 1};
};

}  // namespace

TEST_CASE("failed probes prolong an outage, whose beginning and cause stay") {
  OutageFixture fixture;
  for (int i = 0; i < 3; ++i) fixture.probe(Verdict::failure);
  REQUIRE(fixture.view().state == BreakerState::open);
  REQUIRE(fixture.view().outage.has_value());
  CHECK(fixture.view().outage->since == kStart);
  CHECK(fixture.view().outage->cause == "5 consecutive failures");
  CHECK(fixture.view().since > kStart);
  CHECK(fixture.view().last.detail == "probe: 503");
}

TEST_CASE("the transition that closes the breaker says which outage it ends, and the next outage is another") {
  OutageFixture fixture;
  fixture.probe(Verdict::success);
  REQUIRE(fixture.view().state == BreakerState::closed);
  CHECK_FALSE(fixture.view().outage.has_value());
  REQUIRE(fixture.view().last.outage.has_value());
  CHECK(fixture.view().last.outage->since == kStart);
  fixture.now += 1h;
  for (int i = 0; i < 5; ++i) fixture.call(Verdict::failure);
  REQUIRE(fixture.view().outage.has_value());
  CHECK(fixture.view().outage->since == fixture.now);
}

TEST_CASE("forcing a breaker ends its outage") {
  for (const BreakerState forced : {BreakerState::forced_open, BreakerState::forced_closed}) {
    OutageFixture fixture;
    fixture.breaker.force(forced, std::nullopt, "maintenance", fixture.now);
    CHECK_FALSE(fixture.view().outage.has_value());
  }
}

TEST_CASE("an outage goes on through a restart") {
  Breaker breaker("b", {}, kStart, 1);
  breaker.restore({12s, 1, "probe: 503", 2h, "5 consecutive failures"}, kStart);
  REQUIRE(breaker.view(kStart).outage.has_value());
  CHECK(breaker.view(kStart).outage->since == kStart - 2h);
  CHECK(breaker.view(kStart).outage->cause == "5 consecutive failures");
}

}  // namespace tidegate::policy
