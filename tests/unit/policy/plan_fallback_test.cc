// Which end each outcome comes to on a route that enqueues, responds by itself, or does neither; and properties of
// every course a request can take, over random policies, upstreams and clocks.
#include <doctest/doctest.h>

#include <set>

#include "unit/policy/plan_fixture.h"

namespace tidegate::policy {

namespace {

// How a request can fail.
enum class Failing { breaker, bulkhead, pool, connect, timeout, reset, bad_response, response_503, late };

RoutePolicy route(FallbackKind kind, std::string_view on) {
  RoutePolicy policy;
  policy.breaker = std::make_shared<Breaker>("b", BreakerConfig{}, kStart, 1);
  policy.bulkhead = std::make_shared<Bulkhead>("h", BulkheadConfig{.max_concurrent = 1, .max_waiting = 0});
  policy.fallback = kind;
  if (!on.empty()) policy.fallback_on.add(on);
  return policy;
}

std::string course(FallbackKind kind, std::string_view on, Failing failing, bool can_resend, bool upgrade = false) {
  const RoutePolicy policy = route(kind, on);
  std::optional<Slot> held;
  if (failing == Failing::breaker) open(*policy.breaker, kStart);
  if (failing == Failing::bulkhead) held = policy.bulkhead->acquire();
  Random random(1);
  RequestTraits traits = within(failing == Failing::late ? std::optional<Duration>(0s) : std::nullopt);
  traits.upgrade = traits.respond_async = upgrade;
  Plan plan(policy, traits, kStart, random);
  const Step first = plan.begin(kStart);
  if (word(first) != "attempt") return word(first);
  switch (failing) {
    case Failing::pool: return word(plan.pool_full(can_resend));
    case Failing::connect: return word_after(plan, AttemptResult::connect_failure, 0, can_resend, kStart);
    case Failing::timeout: return word_after(plan, AttemptResult::timeout, 0, can_resend, kStart);
    case Failing::reset: return word_after(plan, AttemptResult::reset, 0, can_resend, kStart);
    case Failing::bad_response: return word_after(plan, AttemptResult::bad_response, 0, can_resend, kStart);
    default: return word_after(plan, AttemptResult::response, 503, can_resend, kStart);
  }
}

}  // namespace

TEST_CASE("Each outcome falls back by its own condition, and only by it") {
  const struct {
    Failing failing;
    const char* condition;
    const char* outcome;
  } cases[] = {
      {Failing::breaker, "breaker_open", "breaker_open"},
      {Failing::bulkhead, "bulkhead_full", "bulkhead_full"},
      {Failing::pool, "pool_full", "pool_full"},
      {Failing::connect, "connect_failure", "connect_failure"},
      {Failing::timeout, "timeout", "timeout"},
      {Failing::late, "timeout", "timeout"},
      {Failing::reset, "reset", "reset"},
      {Failing::bad_response, "reset", "bad_upstream_response"},
      {Failing::response_503, "503", "bad_upstream_response"},
      {Failing::response_503, "5xx", "bad_upstream_response"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.outcome);
    const std::string outcome = c.outcome;
    const std::string without = c.failing == Failing::response_503 ? "relay" : "refuse:" + outcome;
    CHECK(course(FallbackKind::enqueue, c.condition, c.failing, true) == "park:" + outcome);
    CHECK(course(FallbackKind::respond, c.condition, c.failing, true) == "respond:" + outcome);
    CHECK(course(FallbackKind::none, c.condition, c.failing, true) == without);
    CHECK(course(FallbackKind::enqueue, c.condition, c.failing, true, true) == without);  // an upgrade is no job
    CHECK(course(FallbackKind::respond, c.condition, c.failing, true, true) == "respond:" + outcome);
    CHECK(course(FallbackKind::enqueue, "", c.failing, true) == without);
    for (const char* other :
         {"breaker_open", "bulkhead_full", "pool_full", "connect_failure", "timeout", "reset", "504", "4xx"}) {
      if (other == std::string(c.condition)) continue;
      CAPTURE(other);
      CHECK(course(FallbackKind::enqueue, other, c.failing, true) == without);
      CHECK(course(FallbackKind::respond, other, c.failing, true) == without);
    }
  }
}

TEST_CASE("a 101 that was asked for is never retried, and holds the slot until the plan is abandoned") {
  RoutePolicy policy = with_everything();
  policy.retry.on = *Conditions::of({"1xx"});
  RequestTraits traits = idempotent();
  traits.upgrade = true;
  Fixture fixture(policy, traits);
  REQUIRE(word(fixture.plan.begin(kStart)) == "attempt");
  fixture.plan.switched(1s, kStart + 1s);
  CHECK_FALSE(fixture.plan.holds_permit());
  CHECK(fixture.plan.holds_slot());
  fixture.plan.abandon();
  CHECK_FALSE(fixture.plan.holds_slot());
}

TEST_CASE("A body that cannot be sent again cannot be parked; the route's own response needs none") {
  CHECK(course(FallbackKind::enqueue, "reset", Failing::reset, false) == "refuse:reset");
  CHECK(course(FallbackKind::enqueue, "503", Failing::response_503, false) == "relay");
  CHECK(course(FallbackKind::respond, "reset", Failing::reset, false) == "respond:reset");
  CHECK(course(FallbackKind::respond, "503", Failing::response_503, false) == "respond:bad_upstream_response");
  CHECK(course(FallbackKind::enqueue, "pool_full", Failing::pool, false) == "refuse:pool_full");
  CHECK(course(FallbackKind::respond, "pool_full", Failing::pool, false) == "respond:pool_full");
  CHECK(course(FallbackKind::enqueue, "breaker_open", Failing::breaker, false) == "park:breaker_open");
}

namespace {

RoutePolicy random_route(Random& random) {
  constexpr Jitter kJitters[] = {Jitter::none, Jitter::full, Jitter::equal, Jitter::decorrelated};
  constexpr FallbackKind kKinds[] = {FallbackKind::none, FallbackKind::enqueue, FallbackKind::respond};
  RoutePolicy policy;
  if (random.chance(0.7)) policy.breaker = std::make_shared<Breaker>("b", BreakerConfig{}, kStart, random.next());
  if (random.chance(0.7)) {
    policy.bulkhead =
        std::make_shared<Bulkhead>("h", BulkheadConfig{.max_concurrent = 2, .max_waiting = 2, .max_wait = 1s});
  }
  if (random.chance(0.5)) policy.budget = std::make_shared<RetryBudget>(RetryBudgetConfig{});
  if (random.chance(0.3)) policy.limiter = std::make_shared<RateLimiter>(RateLimitConfig{.rate_per_s = 1, .burst = 3});
  policy.timeout.total = Duration(static_cast<int64_t>(random.below(20'000'000'000)));
  policy.retry.max_attempts = 1 + static_cast<int>(random.below(5));
  policy.retry.any_method = random.chance(0.2);
  policy.retry.backoff.jitter = kJitters[random.below(4)];
  for (const char* name : {"connect_failure", "reset", "timeout", "503", "5xx"}) {
    if (random.chance(0.6)) policy.retry.on.add(name);
    if (random.chance(0.4)) policy.fallback_on.add(name);
  }
  policy.fallback = kKinds[random.below(3)];
  return policy;
}

// Takes one request from begin to its end, at random, and checks what holds on every course.
void walk(const RoutePolicy& policy, Random& random, Time& now, std::set<std::string>& ends) {
  constexpr AttemptResult kResults[] = {AttemptResult::response, AttemptResult::connect_failure, AttemptResult::timeout,
                                        AttemptResult::reset, AttemptResult::bad_response};
  RequestTraits traits = idempotent(random.chance(0.6));
  if (random.chance(0.3)) traits.client_timeout = Duration(static_cast<int64_t>(random.below(5'000'000'000)));
  if (policy.limiter) traits.rate_key = RateKey{1, random.below(3)};
  const Time begun = now;
  Plan plan(policy, traits, now, random);
  REQUIRE(plan.deadline() <= begun + policy.timeout.total);
  Step step = plan.begin(now);
  int attempts = 0;
  bool sent_once = false, could_resend = true;
  for (int steps = 0;; ++steps) {
    REQUIRE(steps < 50);
    if (const auto* attempt = std::get_if<StartAttempt>(&step)) {
      REQUIRE(attempt->attempt == ++attempts);
      REQUIRE(attempts <= policy.retry.max_attempts);
      REQUIRE(now < plan.deadline());
      REQUIRE(attempt->deadline == plan.deadline());
      REQUIRE((policy.bulkhead == nullptr || plan.holds_slot()));
      REQUIRE((policy.breaker == nullptr || plan.holds_permit()));
      if (sent_once) REQUIRE(could_resend);
      if (sent_once) REQUIRE((traits.idempotent || policy.retry.any_method));
      sent_once = true;
      const Time attempt_deadline = std::min(attempt->deadline, now + attempt->per_try);
      now = std::min(now + Duration(static_cast<int64_t>(random.below(3'000'000'000))), attempt_deadline);
      if (random.chance(0.05)) {
        plan.abandon();
        return;
      }
      could_resend = random.chance(0.8);
      const uint16_t status = random.chance(0.5) ? 503 : 200;
      const auto next = after(plan, kResults[random.below(5)], status, could_resend, now);
      if (std::holds_alternative<Relay>(next)) {
        REQUIRE((policy.bulkhead == nullptr || plan.holds_slot()));
        if (policy.breaker && status == 200) REQUIRE((plan.holds_permit() || attempt->probe_until));
        ends.insert("relay");
        now += Duration(static_cast<int64_t>(random.below(1'000'000'000)));
        return random.chance(0.9) ? plan.relay_complete(now) : plan.relay_failed({AttemptResult::reset}, now);
      }
      step = std::get<Step>(next);
    } else if (const auto* wait = std::get_if<WaitUntil>(&step)) {
      REQUIRE(wait->until < plan.deadline());
      REQUIRE(wait->until >= now);
      REQUIRE_FALSE(plan.holds_slot());
      REQUIRE_FALSE(plan.holds_permit());
      now = wait->until + Duration(static_cast<int64_t>(random.chance(0.1) ? random.below(20'000'000'000) : 0));
      step = plan.next_attempt(now);
    } else if (const auto* slot = std::get_if<WaitForSlot>(&step)) {
      REQUIRE(slot->until <= plan.deadline());
      now += Duration(static_cast<int64_t>(random.below(1'500'000'000)));
      auto granted = policy.bulkhead->acquire();
      step = granted ? plan.slot_granted(std::move(*granted), now) : plan.slot_wait_over(now);
    } else {
      REQUIRE_FALSE(plan.holds_slot());
      REQUIRE_FALSE(plan.holds_permit());
      if (std::holds_alternative<Park>(step)) REQUIRE(could_resend);
      if (const auto* refusal = std::get_if<Refuse>(&step)) REQUIRE(refusal->retry_after > 0s);
      ends.insert(word(step));
      return;
    }
  }
}

}  // namespace

TEST_CASE("On every course: no attempt too many, none past the deadline, none without its slot; all is given back") {
  std::set<std::string> ends;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const RoutePolicy policy = random_route(random);
    Time now = kStart;
    for (int request = 0; request < 20; ++request) {
      std::vector<Slot> others;  // live traffic of others
      while (policy.bulkhead && random.chance(0.5)) {
        auto slot = policy.bulkhead->acquire();
        if (!slot) break;
        others.push_back(std::move(*slot));
      }
      walk(policy, random, now, ends);
      others.clear();
      if (policy.bulkhead) REQUIRE(policy.bulkhead->view().in_use == 0);
      if (policy.breaker) REQUIRE(policy.breaker->view(now).probes_in_flight == 0);
      now += Duration(static_cast<int64_t>(random.below(2'000'000'000)));
    }
  }
  for (const std::string end :
       {"relay", "refuse:rate_limited", "refuse:breaker_open", "refuse:bulkhead_full", "refuse:timeout", "refuse:reset",
        "refuse:bad_upstream_response", "park:timeout", "respond:reset"}) {
    CAPTURE(end);
    CHECK(ends.contains(end));  // the courses were not all alike
  }
}

}  // namespace tidegate::policy
