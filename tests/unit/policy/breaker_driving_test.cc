// What the owner of a breaker relies on: transitions handed out once, looks that change nothing, a timer for what time
// does.
#include <doctest/doctest.h>

#include <string>

#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{1000s};

// A breaker and a clock. "s" a success, "f" a failure, each begun and ended at once.
struct Fixture {
  explicit Fixture(const BreakerConfig& config = {}) : breaker("b", config, kStart, 1) {}

  void call(char what) {
    auto acquired = breaker.acquire(now);
    if (!acquired.refused) acquired.permit.report(what == 's' ? Verdict::success : Verdict::failure, now);
  }
  void calls(std::string_view what) {
    for (const char c : what) call(c);
  }

  Time now = kStart;
  Breaker breaker;
};

}  // namespace

TEST_CASE("Each transition is handed out once, in order, and the owner may look at the breaker when it is notified") {
  Fixture fixture;
  std::string seen;
  fixture.breaker.on_change([&] {
    for (const Transition& transition : fixture.breaker.take_transitions().kept) {
      CHECK(fixture.breaker.view(fixture.now).state == transition.to);  // the lock is free
      seen += std::string(to_string(transition.from)) + ">" + to_string(transition.to) + ":" +
              to_string(transition.reason) + " ";
    }
  });
  fixture.calls("fffff");
  fixture.now += 31s;
  fixture.call('s');
  CHECK(seen == "closed>open:consecutive_failures open>half_open:open_for_elapsed half_open>closed:probes_succeeded ");
  CHECK(fixture.breaker.view(fixture.now).transitions == 3);
}

TEST_CASE("Of the transitions that an owner does not take the last thousand are kept, and the others are counted") {
  Fixture fixture;
  const auto force = [&](BreakerState to) { fixture.breaker.force(to, {}, "", fixture.now); };
  for (int i = 0; i < 501; ++i) {
    force(BreakerState::forced_open);
    force(BreakerState::forced_closed);
  }
  const QueuedTransitions taken = fixture.breaker.take_transitions();
  CHECK(taken.dropped == 2);
  REQUIRE(taken.kept.size() == Breaker::kQueuedTransitionsMax);
  CHECK(taken.kept.front().from == BreakerState::forced_closed);
  CHECK(taken.kept.back().to == BreakerState::forced_closed);
  force(BreakerState::closed);
  const QueuedTransitions later = fixture.breaker.take_transitions();
  CHECK(later.dropped == 0);
  CHECK(later.kept.size() == 1);
}

TEST_CASE("A look changes nothing, however late the owner's timer is") {
  Fixture fixture;
  fixture.calls("fffff");
  fixture.breaker.take_transitions();
  const Time due = *fixture.breaker.next_transition_at();
  CHECK(due == kStart + 30s + 1ns);
  for (const Duration late : {0s, 1s, 3600s}) {
    CAPTURE(late.count());
    CHECK_FALSE(fixture.breaker.peek(due + late));
    CHECK(fixture.breaker.half_open_since(due + late) == kStart + 30s);
    CHECK(fixture.breaker.view(due + late).state == BreakerState::open);
    CHECK(fixture.breaker.view(due + late).transitions == 1);
  }
  CHECK(fixture.breaker.take_transitions().kept.empty());
  CHECK(fixture.breaker.acquire(due + 3600s).permit.probe());
}

TEST_CASE("advance makes the transition when it is due, not before, and once") {
  Fixture fixture;
  CHECK_FALSE(fixture.breaker.next_transition_at());
  fixture.calls("fffff");
  const Time due = *fixture.breaker.next_transition_at();
  fixture.breaker.advance(due - 1ns);
  CHECK(fixture.breaker.view(due).state == BreakerState::open);
  fixture.breaker.advance(due);
  fixture.breaker.advance(due);
  CHECK(fixture.breaker.view(due).state == BreakerState::half_open);
  CHECK(fixture.breaker.view(due).transitions == 2);
  CHECK_FALSE(fixture.breaker.next_transition_at());  // no probe is under way
}

TEST_CASE("The owner is notified of what moves the breaker, and of what changes when time will") {
  Fixture fixture;
  int notified = 0;
  fixture.breaker.on_change([&] { ++notified; });
  fixture.calls("ffff");
  CHECK(notified == 0);
  fixture.call('f');
  CHECK(notified == 1);
  fixture.now += 31s;
  const auto probe = fixture.breaker.acquire(fixture.now);  // half open, with a deadline for the probe
  CHECK(notified == 2);
  CHECK(fixture.breaker.next_transition_at() == fixture.now + 30s + Breaker::kProbeGrace + 1ns);
  fixture.breaker.view(fixture.now + 1h);
  CHECK(notified == 2);
}

TEST_CASE("A view leaves out what has slid out of the window by then") {
  for (const int buckets : {10, 1}) {
    CAPTURE(buckets);
    BreakerConfig config;
    config.window_buckets = buckets;
    Fixture fixture(config);
    fixture.calls("ff");
    CHECK(fixture.breaker.view(kStart + 9s).window_failures == 2);
    CHECK(fixture.breaker.view(kStart + 11s).window_failures == 0);
    CHECK(fixture.breaker.view(kStart + 11s).consecutive_failures == (buckets == 1 ? 0 : 2));
    CHECK(fixture.breaker.view(kStart + 9s).window_failures == 2);
  }
}

}  // namespace tidegate::policy
