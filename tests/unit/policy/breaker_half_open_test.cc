// Half-open: the probes' places and leases, the doubling of open_for; and the operator's word, and shadow mode.
#include <doctest/doctest.h>

#include <vector>

#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{500s};

struct Fixture {
  explicit Fixture(const BreakerConfig& config = {}, uint64_t seed = 1) : breaker("b", config, kStart, seed) {}

  void open() {
    while (state() == BreakerState::closed) {
      auto acquired = breaker.acquire(now);
      acquired.permit.report(Verdict::failure, now, "timeout");
    }
    REQUIRE(state() == BreakerState::open);
  }
  void wait_until_due() { now = *breaker.view(now).next_probe_at + 1ns; }
  Duration open_for() { return *breaker.view(now).next_probe_at - breaker.view(now).since; }
  // The owner's timer is on time.
  BreakerState state() {
    breaker.advance(now);
    return breaker.view(now).state;
  }
  Permit probe() {
    auto acquired = breaker.acquire(now);
    REQUIRE_FALSE(acquired.refused);
    REQUIRE(acquired.permit.probe());
    return std::move(acquired.permit);
  }
  bool refuses() { return breaker.acquire(now).refused.has_value(); }

  Time now = kStart;
  Breaker breaker;
};

}  // namespace

TEST_CASE("A due breaker lets half_open_requests probes through, and no more") {
  for (const int places : {1, 3}) {
    CAPTURE(places);
    BreakerConfig config;
    config.half_open_requests = places;
    Fixture fixture(config);
    fixture.open();
    fixture.wait_until_due();
    std::vector<Permit> probes;
    for (int i = 0; i < places; ++i) probes.push_back(fixture.probe());
    const auto refused = fixture.breaker.acquire(fixture.now).refused;
    REQUIRE(refused);
    CHECK(refused->state == BreakerState::half_open);
    CHECK(refused->retry_after == 0s);
    CHECK(fixture.breaker.view(fixture.now).probes_in_flight == places);
    for (int i = 0; i < places; ++i) {
      CHECK(fixture.state() == BreakerState::half_open);
      probes[static_cast<size_t>(i)].report(Verdict::success, fixture.now);
    }
    CHECK(fixture.state() == BreakerState::closed);
  }
}

TEST_CASE("A probe that has succeeded keeps its slot: no more calls than needed to decide") {
  BreakerConfig config;
  config.half_open_requests = 2;
  Fixture fixture(config);
  fixture.open();
  fixture.wait_until_due();
  fixture.probe().report(Verdict::success, fixture.now);
  Permit second = fixture.probe();
  CHECK(fixture.refuses());
  second.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::closed);
}

TEST_CASE("One failed probe opens it again, whatever the others say later") {
  BreakerConfig config;
  config.half_open_requests = 3;
  Fixture fixture(config);
  fixture.open();
  fixture.wait_until_due();
  Permit one = fixture.probe(), two = fixture.probe(), three = fixture.probe();
  one.report(Verdict::success, fixture.now);
  two.report(Verdict::failure, fixture.now, "timeout");
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.breaker.view(fixture.now).last.reason == TransitionReason::probe_failed);
  CHECK(fixture.breaker.view(fixture.now).last.detail == "probe: timeout");
  three.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::open);
}

TEST_CASE("A probe that its caller does not end by its lease has failed, and its verdict then comes too late") {
  Fixture fixture;
  fixture.open();
  fixture.wait_until_due();
  Permit probe = fixture.probe();
  fixture.now += 30s + Breaker::kProbeGrace;
  CHECK(fixture.state() == BreakerState::half_open);
  fixture.now += 1ns;
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.breaker.view(fixture.now).last.reason == TransitionReason::probe_timed_out);
  probe.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::open);
}

TEST_CASE("A verdict that itself comes after half_open_timeout is a timeout, not a success") {
  for (const Duration late : {Duration(0s), Duration(500ms), Duration(5s)}) {
    for (const Verdict verdict : {Verdict::success, Verdict::failure}) {
      Fixture fixture;
      fixture.open();
      fixture.wait_until_due();
      Permit probe = fixture.probe();
      CHECK(probe.probe_until() == fixture.now + 30s);
      fixture.now += 30s + late;
      probe.report(verdict, fixture.now);
      CHECK(fixture.breaker.view(fixture.now).last.reason == TransitionReason::probe_timed_out);
    }
  }
}

TEST_CASE("A probe that its caller ends in time without a verdict makes room for another, and no timeout") {
  Fixture fixture;
  fixture.open();
  fixture.wait_until_due();
  Permit late = fixture.probe();
  fixture.now += 30s + 500ms;  // the caller's own timer is a little late
  late.report(Verdict::ignored, fixture.now);
  CHECK(fixture.state() == BreakerState::half_open);
  Permit next = fixture.probe();
  fixture.now += 2s;
  CHECK(fixture.state() == BreakerState::half_open);
  next.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::closed);
}

TEST_CASE("A probe dropped, or ignored, gives its slot to the next") {
  for (const bool report : {false, true}) {
    CAPTURE(report);
    Fixture fixture;
    fixture.open();
    fixture.wait_until_due();
    for (int i = 0; i < 5; ++i) {
      Permit probe = fixture.probe();
      CHECK(fixture.refuses());
      if (report) probe.report(Verdict::ignored, fixture.now);
    }
    CHECK(fixture.state() == BreakerState::half_open);
    CHECK(fixture.breaker.view(fixture.now).probes_in_flight == 0);
    fixture.probe().report(Verdict::success, fixture.now);
    CHECK(fixture.state() == BreakerState::closed);
  }
}

TEST_CASE("A dropped probe's lease cannot run out any more") {
  Fixture fixture;
  fixture.open();
  fixture.wait_until_due();
  fixture.probe();
  fixture.now += 1h;
  CHECK(fixture.state() == BreakerState::half_open);
}

TEST_CASE("A permit moved is one permit, and overwriting one gives its slot back") {
  Fixture fixture;
  fixture.open();
  fixture.wait_until_due();
  Permit one = fixture.probe();
  Permit two = std::move(one);
  CHECK_FALSE(one.valid());  // NOLINT: the moved-from state is the point
  CHECK(two.valid());
  CHECK(fixture.refuses());
  two = Permit();
  CHECK_FALSE(fixture.refuses());
}

TEST_CASE("Each failed probe doubles open_for, a tenth jittered, never beyond its maximum; a success resets it") {
  bool below = false, above = false;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Fixture fixture({}, seed);
    fixture.open();
    CHECK(fixture.open_for() == 30s);  // the first is exact
    for (const Duration expected : {Duration(60s), Duration(120s), Duration(240s), Duration(300s), Duration(300s)}) {
      fixture.wait_until_due();
      fixture.probe().report(Verdict::failure, fixture.now);
      CHECK(fixture.open_for() <= fixture.breaker.config().open_for_max);
      const double ratio = to_seconds(fixture.open_for()) / std::min(to_seconds(expected), 300 / 1.1);
      CHECK((ratio >= 0.9 - 1e-6 && ratio <= 1.1 + 1e-6));
      below = below || ratio < 0.95;
      above = above || ratio > 1.05;
      CHECK(fixture.breaker.view(fixture.now).last.open_for == fixture.open_for());
    }
    fixture.wait_until_due();
    fixture.probe().report(Verdict::success, fixture.now);
    fixture.open();
    CHECK(fixture.open_for() == 30s);
  }
  CHECK(below);
  CHECK(above);
}

TEST_CASE("A maximum equal to open_for makes it constant, without jitter") {
  BreakerConfig config;
  config.open_for_max = config.open_for;
  Fixture fixture(config);
  fixture.open();
  for (int i = 0; i < 5; ++i) {
    CHECK(fixture.open_for() == 30s);
    fixture.wait_until_due();
    fixture.probe().report(Verdict::failure, fixture.now);
  }
}

TEST_CASE("Forced open refuses everything until its time is over, then it is closed with counts at zero") {
  Fixture fixture;
  auto before = fixture.breaker.acquire(fixture.now);
  fixture.breaker.force(BreakerState::forced_open, 10min, "maintenance", fixture.now);
  CHECK(fixture.breaker.view(fixture.now).forced_until == fixture.now + 10min);
  CHECK(fixture.breaker.view(fixture.now).last.detail == "maintenance");
  fixture.now += 4min;
  const auto refused = fixture.breaker.acquire(fixture.now).refused;
  REQUIRE(refused);
  CHECK(refused->state == BreakerState::forced_open);
  CHECK(refused->retry_after == 6min);
  before.permit.report(Verdict::success, fixture.now);
  fixture.now += 6min;
  CHECK(fixture.state() == BreakerState::closed);
  CHECK(fixture.breaker.view(fixture.now).last.reason == TransitionReason::force_expired);
  CHECK_FALSE(fixture.breaker.view(fixture.now).forced_until);
  CHECK_FALSE(fixture.refuses());
}

TEST_CASE("Forced closed lets everything through, however it fails, until it is released") {
  Fixture fixture;
  fixture.breaker.force(BreakerState::forced_closed, std::nullopt, "we know", fixture.now);
  for (int i = 0; i < 100; ++i) {
    auto acquired = fixture.breaker.acquire(fixture.now);
    REQUIRE_FALSE(acquired.refused);
    CHECK_FALSE(acquired.permit.probe());
    acquired.permit.report(Verdict::failure, fixture.now);
  }
  fixture.now += 1000h;
  CHECK(fixture.state() == BreakerState::forced_closed);
  fixture.breaker.force(BreakerState::closed, std::nullopt, "back", fixture.now);
  CHECK(fixture.state() == BreakerState::closed);
  CHECK(fixture.breaker.view(fixture.now).last.reason == TransitionReason::operator_released);
  CHECK(fixture.breaker.view(fixture.now).consecutive_failures == 0);
}

TEST_CASE("\"auto\" changes nothing where nothing was forced") {
  Fixture fixture;
  fixture.open();
  const uint64_t transitions = fixture.breaker.view(fixture.now).transitions;
  fixture.breaker.force(BreakerState::closed, std::nullopt, "why not", fixture.now);
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.breaker.view(fixture.now).transitions == transitions);
}

TEST_CASE("A breaker that was forced begins anew: open_for is not doubled by probes of before") {
  Fixture fixture;
  fixture.open();
  for (int i = 0; i < 3; ++i) {
    fixture.wait_until_due();
    fixture.probe().report(Verdict::failure, fixture.now);
  }
  REQUIRE(fixture.open_for() > 200s);
  fixture.breaker.force(BreakerState::forced_closed, std::nullopt, "fixed", fixture.now);
  fixture.breaker.force(BreakerState::closed, std::nullopt, "fixed", fixture.now);
  fixture.open();
  CHECK(fixture.open_for() == 30s);
}

TEST_CASE("In shadow mode nothing is refused, what would have been is said and counted, and the states go on") {
  BreakerConfig config;
  config.mode = Mode::shadow;
  Fixture fixture(config);
  fixture.open();
  for (int i = 0; i < 10; ++i) {
    auto acquired = fixture.breaker.acquire(fixture.now);
    REQUIRE_FALSE(acquired.refused);
    REQUIRE(acquired.permit.valid());
    CHECK(acquired.permit.would_refuse());
    acquired.permit.report(Verdict::success, fixture.now);  // it would not have been made: no verdict
  }
  CHECK(fixture.state() == BreakerState::open);
  CHECK(fixture.breaker.view(fixture.now).not_permitted == 10);
  fixture.wait_until_due();
  Permit probe = fixture.probe();
  CHECK_FALSE(probe.would_refuse());
  CHECK(fixture.breaker.acquire(fixture.now).permit.would_refuse());
  CHECK(fixture.breaker.view(fixture.now).probes_in_flight == 1);  // the one that would have been refused took no place
  probe.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::closed);
}

}  // namespace tidegate::policy
