// A breaker that was open when the process before ended.
#include <doctest/doctest.h>

#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{500s};

struct RestoredFixture {
  explicit RestoredFixture(const RememberedOpen& remembered) { breaker.restore(remembered, kStart); }

  BreakerState state_after(Duration wait) {
    breaker.advance(kStart + wait);
    return breaker.view(kStart + wait).state;
  }

  Breaker breaker{"b", {}, kStart, 1};
};

}  // namespace

TEST_CASE("a restored breaker is open for what was left, and says why") {
  RestoredFixture fixture({12s, 0, "5 consecutive failures", {}, {}});
  CHECK(fixture.state_after(12s) == BreakerState::open);
  const QueuedTransitions made = fixture.breaker.take_transitions();
  REQUIRE(made.kept.size() == 1);
  CHECK(made.kept[0].from == BreakerState::closed);
  CHECK(made.kept[0].reason == TransitionReason::restored);
  CHECK(made.kept[0].detail == "5 consecutive failures");
  CHECK(made.kept[0].open_for == 12s);
  CHECK(fixture.breaker.acquire(kStart + 12s).refused.has_value());
  CHECK(fixture.state_after(12s + 1ns) == BreakerState::half_open);
}

TEST_CASE("nothing left: the first call is the probe") {
  RestoredFixture fixture({Duration::zero(), 0, "probe: 503", {}, {}});
  const auto acquired = fixture.breaker.acquire(kStart + 1ns);
  REQUIRE_FALSE(acquired.refused.has_value());
  CHECK(acquired.permit.probe());
}

TEST_CASE("a restored breaker probes within open_for, and goes on doubling where it was") {
  RestoredFixture fixture({300s, 3, "probe: timeout", {}, {}});
  CHECK(fixture.state_after(30s) == BreakerState::open);
  REQUIRE(fixture.state_after(30s + 1ns) == BreakerState::half_open);
  const Time now = kStart + 31s;
  fixture.breaker.acquire(now).permit.report(Verdict::failure, now, "timeout");
  const BreakerView view = fixture.breaker.view(now);
  CHECK(view.state == BreakerState::open);
  CHECK(*view.next_probe_at - view.since > 200s);  // 30 s, four times doubled, at most 300 s; a tenth of jitter
}

TEST_CASE("a success closes a restored breaker as any other") {
  RestoredFixture fixture({1s, 2, "probe: 503", {}, {}});
  const Time now = kStart + 2s;
  fixture.breaker.acquire(now).permit.report(Verdict::success, now);
  CHECK(fixture.breaker.view(now).state == BreakerState::closed);
}

}  // namespace tidegate::policy
