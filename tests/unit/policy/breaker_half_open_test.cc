// Half-open: the probes' places and leases, the doubling of open_for; and the operator's word, and shadow mode.
#include <doctest/doctest.h>

#include <vector>

#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{500s};

struct Bench {
  explicit Bench(const BreakerConfig& config = {}, uint64_t seed = 1) : breaker("bench", config, kStart, seed) {}

  void open() {
    while (state() == BreakerState::closed) {
      auto acquired = breaker.acquire(now);
      acquired.permit.report(Verdict::failure, now, "timeout");
    }
    REQUIRE(state() == BreakerState::open);
  }
  void wait_until_due() { now = *breaker.view(now).next_probe_at + 1ns; }
  Duration open_for() { return *breaker.view(now).next_probe_at - breaker.view(now).since; }
  BreakerState state() { return breaker.view(now).state; }
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

TEST_CASE("A due breaker lets as many probes through as it was told, and no more") {
  for (const int places : {1, 3}) {
    CAPTURE(places);
    BreakerConfig config;
    config.half_open_requests = places;
    Bench bench(config);
    bench.open();
    bench.wait_until_due();
    std::vector<Permit> probes;
    for (int i = 0; i < places; ++i) probes.push_back(bench.probe());
    const auto refused = bench.breaker.acquire(bench.now).refused;
    REQUIRE(refused);
    CHECK(refused->state == BreakerState::half_open);
    CHECK(refused->retry_after == 0s);
    CHECK(bench.breaker.view(bench.now).probes_in_flight == places);
    for (int i = 0; i < places; ++i) {
      CHECK(bench.state() == BreakerState::half_open);
      probes[static_cast<size_t>(i)].report(Verdict::success, bench.now);
    }
    CHECK(bench.state() == BreakerState::closed);
  }
}

TEST_CASE("A probe that has succeeded keeps its place: no more calls than needed to decide") {
  BreakerConfig config;
  config.half_open_requests = 2;
  Bench bench(config);
  bench.open();
  bench.wait_until_due();
  bench.probe().report(Verdict::success, bench.now);
  Permit second = bench.probe();
  CHECK(bench.refuses());
  second.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::closed);
}

TEST_CASE("One failed probe opens it again, whatever the others say later") {
  BreakerConfig config;
  config.half_open_requests = 3;
  Bench bench(config);
  bench.open();
  bench.wait_until_due();
  Permit one = bench.probe(), two = bench.probe(), three = bench.probe();
  one.report(Verdict::success, bench.now);
  two.report(Verdict::failure, bench.now, "timeout");
  CHECK(bench.state() == BreakerState::open);
  CHECK(bench.breaker.view(bench.now).last.reason == TransitionReason::probe_failed);
  CHECK(bench.breaker.view(bench.now).last.detail == "probe: timeout");
  three.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::open);
}

TEST_CASE("A probe without a verdict by its lease has failed, and its verdict then comes too late") {
  Bench bench;
  bench.open();
  bench.wait_until_due();
  Permit probe = bench.probe();
  bench.now += 30s;
  CHECK(bench.state() == BreakerState::half_open);
  bench.now += 1ns;
  CHECK(bench.state() == BreakerState::open);
  CHECK(bench.breaker.view(bench.now).last.reason == TransitionReason::probe_timed_out);
  probe.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::open);
}

TEST_CASE("A verdict that itself comes after the lease is a timeout, not a success") {
  Bench bench;
  bench.open();
  bench.wait_until_due();
  Permit probe = bench.probe();
  bench.now += 31s;
  probe.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::open);
}

TEST_CASE("A probe dropped, or ignored, gives its place to the next") {
  for (const bool report : {false, true}) {
    CAPTURE(report);
    Bench bench;
    bench.open();
    bench.wait_until_due();
    for (int i = 0; i < 5; ++i) {
      Permit probe = bench.probe();
      CHECK(bench.refuses());
      if (report) probe.report(Verdict::ignored, bench.now);
    }
    CHECK(bench.state() == BreakerState::half_open);
    CHECK(bench.breaker.view(bench.now).probes_in_flight == 0);
    bench.probe().report(Verdict::success, bench.now);
    CHECK(bench.state() == BreakerState::closed);
  }
}

TEST_CASE("A dropped probe's lease cannot run out any more") {
  Bench bench;
  bench.open();
  bench.wait_until_due();
  bench.probe();
  bench.now += 1h;
  CHECK(bench.state() == BreakerState::half_open);
}

TEST_CASE("A permit moved is one permit, and overwriting one gives its place back") {
  Bench bench;
  bench.open();
  bench.wait_until_due();
  Permit one = bench.probe();
  Permit two = std::move(one);
  CHECK_FALSE(one.valid());  // NOLINT: the moved-from state is the point
  CHECK(two.valid());
  CHECK(bench.refuses());
  two = Permit();
  CHECK_FALSE(bench.refuses());
}

TEST_CASE("Each failed probe doubles open_for to its maximum, a tenth jittered; a success forgets it") {
  bool below = false, above = false;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Bench bench({}, seed);
    bench.open();
    CHECK(bench.open_for() == 30s);  // the first is exact
    for (const Duration expected : {Duration(60s), Duration(120s), Duration(240s), Duration(300s), Duration(300s)}) {
      bench.wait_until_due();
      bench.probe().report(Verdict::failure, bench.now);
      const double ratio = to_seconds(bench.open_for()) / to_seconds(expected);
      CHECK(ratio >= 0.9);
      CHECK(ratio <= 1.1);
      below = below || ratio < 0.95;
      above = above || ratio > 1.05;
      CHECK(bench.breaker.view(bench.now).last.open_for == bench.open_for());
    }
    bench.wait_until_due();
    bench.probe().report(Verdict::success, bench.now);
    bench.open();
    CHECK(bench.open_for() == 30s);
  }
  CHECK(below);
  CHECK(above);
}

TEST_CASE("A maximum equal to open_for makes it constant, without jitter") {
  BreakerConfig config;
  config.open_for_max = config.open_for;
  Bench bench(config);
  bench.open();
  for (int i = 0; i < 5; ++i) {
    CHECK(bench.open_for() == 30s);
    bench.wait_until_due();
    bench.probe().report(Verdict::failure, bench.now);
  }
}

TEST_CASE("Forced open refuses everything until its time is over, then it is closed with counts at zero") {
  Bench bench;
  auto before = bench.breaker.acquire(bench.now);
  bench.breaker.force(BreakerState::forced_open, 10min, "maintenance", bench.now);
  CHECK(bench.breaker.view(bench.now).forced_until == bench.now + 10min);
  CHECK(bench.breaker.view(bench.now).last.detail == "maintenance");
  bench.now += 4min;
  const auto refused = bench.breaker.acquire(bench.now).refused;
  REQUIRE(refused);
  CHECK(refused->state == BreakerState::forced_open);
  CHECK(refused->retry_after == 6min);
  before.permit.report(Verdict::success, bench.now);
  bench.now += 6min;
  CHECK(bench.state() == BreakerState::closed);
  CHECK(bench.breaker.view(bench.now).last.reason == TransitionReason::force_expired);
  CHECK_FALSE(bench.breaker.view(bench.now).forced_until);
  CHECK_FALSE(bench.refuses());
}

TEST_CASE("Forced closed lets everything through, however it fails, until it is released") {
  Bench bench;
  bench.breaker.force(BreakerState::forced_closed, std::nullopt, "we know", bench.now);
  for (int i = 0; i < 100; ++i) {
    auto acquired = bench.breaker.acquire(bench.now);
    REQUIRE_FALSE(acquired.refused);
    CHECK_FALSE(acquired.permit.probe());
    acquired.permit.report(Verdict::failure, bench.now);
  }
  bench.now += 1000h;
  CHECK(bench.state() == BreakerState::forced_closed);
  bench.breaker.force(BreakerState::closed, std::nullopt, "back", bench.now);
  CHECK(bench.state() == BreakerState::closed);
  CHECK(bench.breaker.view(bench.now).last.reason == TransitionReason::operator_released);
  CHECK(bench.breaker.view(bench.now).consecutive_failures == 0);
}

TEST_CASE("\"auto\" changes nothing where nothing was forced") {
  Bench bench;
  bench.open();
  const uint64_t transitions = bench.breaker.view(bench.now).transitions;
  bench.breaker.force(BreakerState::closed, std::nullopt, "why not", bench.now);
  CHECK(bench.state() == BreakerState::open);
  CHECK(bench.breaker.view(bench.now).transitions == transitions);
}

TEST_CASE("A breaker that was forced begins anew: open_for is not doubled by probes of before") {
  Bench bench;
  bench.open();
  for (int i = 0; i < 3; ++i) {
    bench.wait_until_due();
    bench.probe().report(Verdict::failure, bench.now);
  }
  REQUIRE(bench.open_for() > 200s);
  bench.breaker.force(BreakerState::forced_closed, std::nullopt, "mended", bench.now);
  bench.breaker.force(BreakerState::closed, std::nullopt, "mended", bench.now);
  bench.open();
  CHECK(bench.open_for() == 30s);
}

TEST_CASE("In shadow mode nothing is refused, what would have been is said and counted, and the states go on") {
  BreakerConfig config;
  config.mode = Mode::shadow;
  Bench bench(config);
  bench.open();
  for (int i = 0; i < 10; ++i) {
    auto acquired = bench.breaker.acquire(bench.now);
    REQUIRE_FALSE(acquired.refused);
    REQUIRE(acquired.permit.valid());
    CHECK(acquired.permit.would_refuse());
    acquired.permit.report(Verdict::success, bench.now);  // it would not have been made: no verdict
  }
  CHECK(bench.state() == BreakerState::open);
  CHECK(bench.breaker.view(bench.now).not_permitted == 10);
  bench.wait_until_due();
  Permit probe = bench.probe();
  CHECK_FALSE(probe.would_refuse());
  CHECK(bench.breaker.acquire(bench.now).permit.would_refuse());
  CHECK(bench.breaker.view(bench.now).probes_in_flight == 1);  // the one that would have been refused took no place
  probe.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::closed);
}

}  // namespace tidegate::policy
