// What a Plan decides, case by case: admission, retries, fallback, and what it gives back.
#include <doctest/doctest.h>

#include "unit/policy/plan_fixture.h"

namespace tidegate::policy {

TEST_CASE("A route without policies makes an attempt at once and relays the response") {
  Fixture fixture{RoutePolicy{}};
  const Step step = fixture.plan.begin(kStart);
  REQUIRE(word(step) == "attempt");
  CHECK(std::get<StartAttempt>(step).attempt == 1);
  CHECK(std::get<StartAttempt>(step).deadline == kStart + 30s);
  CHECK(std::get<StartAttempt>(step).per_try == 15s);
  CHECK(word_after(fixture.plan, AttemptResult::response, 503, true, kStart) == "relay");
}

TEST_CASE("The deadline is the smaller of the route's and the client's, and bounds each attempt") {
  for (const auto& [client, expected] : {std::pair<std::optional<Duration>, Duration>{std::nullopt, 30s},
                                         {Duration(4s), 4s},
                                         {Duration(60s), 30s},
                                         {Duration(0s), 0s}}) {
    Fixture fixture(RoutePolicy{}, within(client));
    CHECK(fixture.plan.deadline() == kStart + expected);
    const Step step = fixture.plan.begin(kStart);
    if (expected == 0s) {
      CHECK(word(step) == "refuse:timeout");
    } else {
      CHECK(std::get<StartAttempt>(step).deadline == kStart + expected);
    }
  }
}

TEST_CASE("An attempt that got no connection is pool_full: no verdict, no attempt, and everything is given back") {
  for (const bool probe : {false, true}) {
    CAPTURE(probe);
    const RoutePolicy policy = with_everything();
    if (probe) open(*policy.breaker, kStart);
    const Time now = kStart + (probe ? 40s : 0s);
    Random random{1};
    Plan plan(policy, RequestTraits{}, now, random);
    REQUIRE(word(plan.begin(now)) == "attempt");
    CHECK(word(plan.pool_full(true)) == "refuse:pool_full");
    CHECK(plan.attempts() == 0);
    CHECK_FALSE(plan.holds_permit());
    CHECK_FALSE(plan.holds_slot());
    CHECK(policy.breaker->view(now).failures == (probe ? 5u : 0u));
    CHECK(policy.breaker->view(now).probes_in_flight == 0);
    CHECK(policy.breaker->view(now).state == (probe ? BreakerState::half_open : BreakerState::closed));
  }
}

TEST_CASE("Over the rate: refused with the time it takes, before anything else is checked") {
  RoutePolicy policy = with_everything();
  policy.limiter = std::make_shared<RateLimiter>(RateLimitConfig{.rate_per_s = 1, .burst = 1});
  policy.fallback = FallbackKind::enqueue;
  const RequestTraits traits = keyed(true);
  Fixture first(policy, traits), second(policy, traits);
  CHECK(word(first.plan.begin(kStart)) == "park:queued");
  const Step step = second.plan.begin(kStart);
  REQUIRE(word(step) == "refuse:rate_limited");
  CHECK(std::get<Refuse>(step).retry_after == 1s);
  CHECK_FALSE(second.plan.would_rate_limit());
  CHECK(policy.bulkhead->view().in_use == 0);
}

TEST_CASE("A limit that was checked elsewhere is obeyed as the plan's own, which is not checked again") {
  RoutePolicy policy;
  policy.limiter = std::make_shared<RateLimiter>(RateLimitConfig{.rate_per_s = 1, .burst = 1});
  Fixture refused(policy, keyed()), admitted(policy, keyed());
  const Step step = refused.plan.begin(RateDecision{.allowed = false, .retry_after = 7s}, kStart);
  REQUIRE(word(step) == "refuse:rate_limited");
  CHECK(std::get<Refuse>(step).retry_after == 7s);
  CHECK(word(admitted.plan.begin(RateDecision{.remaining = 3}, kStart)) == "attempt");
  CHECK(admitted.plan.rate_decision()->remaining == 3);
  CHECK(policy.limiter->tracked() == 0);
  policy.limiter = std::make_shared<RateLimiter>(RateLimitConfig{.mode = Mode::shadow});
  Fixture shadow(policy, keyed());
  CHECK(word(shadow.plan.begin(RateDecision{.allowed = false}, kStart)) == "attempt");
  CHECK(shadow.plan.would_rate_limit());
}

TEST_CASE("A limiter in shadow mode says what it would have done, and does not") {
  RoutePolicy policy;
  policy.limiter = std::make_shared<RateLimiter>(RateLimitConfig{.rate_per_s = 1, .burst = 1, .mode = Mode::shadow});
  Fixture first(policy, keyed()), second(policy, keyed());
  CHECK(word(first.plan.begin(kStart)) == "attempt");
  CHECK_FALSE(first.plan.would_rate_limit());
  CHECK(word(second.plan.begin(kStart)) == "attempt");
  CHECK(second.plan.would_rate_limit());
  CHECK_FALSE(second.plan.rate_decision()->allowed);
}

TEST_CASE("Prefer: respond-async parks where the route enqueues, and is ignored elsewhere") {
  for (const FallbackKind kind : {FallbackKind::none, FallbackKind::enqueue, FallbackKind::respond}) {
    RoutePolicy policy = with_everything();
    policy.fallback = kind;
    Fixture fixture(policy, keyed(true));
    CHECK(word(fixture.plan.begin(kStart)) == (kind == FallbackKind::enqueue ? "park:queued" : "attempt"));
  }
}

TEST_CASE("An open breaker is not waited for in the bulkhead") {
  RoutePolicy policy = with_everything();
  open(*policy.breaker, kStart);
  const auto held = policy.bulkhead->acquire();
  Fixture fixture(policy);
  const Step step = fixture.plan.begin(kStart + 10s);
  REQUIRE(word(step) == "refuse:breaker_open");
  CHECK(std::get<Refuse>(step).retry_after == 20s);
  CHECK(policy.breaker->view(kStart + 10s).not_permitted == 1);
}

TEST_CASE("A breaker in shadow mode is counted and passed") {
  RoutePolicy policy = with_everything();
  BreakerConfig config;
  config.mode = Mode::shadow;
  policy.breaker = std::make_shared<Breaker>("b", config, kStart, 1);
  open(*policy.breaker, kStart);
  Fixture fixture(policy);
  CHECK(word(fixture.plan.begin(kStart + 1s)) == "attempt");
  CHECK(fixture.plan.would_break());
}

TEST_CASE("A full bulkhead is waited for as long as max_wait and the deadline allow") {
  for (const auto& [timeout, until] : {std::pair<Duration, Duration>{30s, 5s}, {2s, 2s}}) {
    RoutePolicy policy = with_everything();
    auto held = policy.bulkhead->acquire();
    Fixture fixture(policy, within(timeout));
    const Step step = fixture.plan.begin(kStart);
    REQUIRE(word(step) == "slot");
    CHECK(std::get<WaitForSlot>(step).until == kStart + until);
    held.reset();
    CHECK(word(fixture.plan.slot_granted(std::move(*policy.bulkhead->acquire()), kStart + 1s)) == "attempt");
    CHECK(fixture.plan.holds_slot());
  }
}

TEST_CASE("A wait that is over is bulkhead_full") {
  const RoutePolicy policy = with_everything();
  const auto held = policy.bulkhead->acquire();
  Fixture fixture(policy);
  REQUIRE(word(fixture.plan.begin(kStart)) == "slot");
  const Step step = fixture.plan.slot_wait_over(kStart + 5s);
  REQUIRE(word(step) == "refuse:bulkhead_full");
  CHECK(std::get<Refuse>(step).retry_after == 5s);
}

TEST_CASE("With no waiting allowed a full bulkhead is bulkhead_full at once") {
  for (const BulkheadConfig& config : {BulkheadConfig{.max_concurrent = 1, .max_waiting = 0},
                                       BulkheadConfig{.max_concurrent = 1, .max_waiting = 5, .max_wait = 0s}}) {
    RoutePolicy policy = with_everything();
    policy.bulkhead = std::make_shared<Bulkhead>("h", config);
    const auto held = policy.bulkhead->acquire();
    Fixture fixture(policy);
    CHECK(word(fixture.plan.begin(kStart)) == "refuse:bulkhead_full");
  }
}

TEST_CASE("A slot that is granted when the deadline has passed is not used for an attempt") {
  RoutePolicy policy = with_everything();
  auto held = policy.bulkhead->acquire();
  Fixture fixture(policy, within(2s));
  REQUIRE(word(fixture.plan.begin(kStart)) == "slot");
  held.reset();
  CHECK(word(fixture.plan.slot_granted(std::move(*policy.bulkhead->acquire()), kStart + 2s)) == "refuse:bulkhead_full");
  CHECK(policy.bulkhead->view().in_use == 0);
  CHECK(policy.breaker->view(kStart + 2s).failures == 0);
}

TEST_CASE("The breaker may open while a slot was waited for: refused then, and the slot goes back") {
  RoutePolicy policy = with_everything();
  auto held = policy.bulkhead->acquire();
  Fixture fixture(policy);
  REQUIRE(word(fixture.plan.begin(kStart)) == "slot");
  open(*policy.breaker, kStart + 1s);
  held.reset();
  CHECK(word(fixture.plan.slot_granted(std::move(*policy.bulkhead->acquire()), kStart + 1s)) == "refuse:breaker_open");
  CHECK(policy.bulkhead->view().in_use == 0);
}

TEST_CASE("A retry needs the rule, the method, an attempt left, a body to send again, and time") {
  const struct {
    AttemptResult result;
    uint16_t status;
    bool idempotent, any_method, can_resend;
    int max_attempts;
    Duration at;
    const char* expected;
  } cases[] = {
      {AttemptResult::response, 503, true, false, true, 2, 0s, "wait"},
      {AttemptResult::connect_failure, 0, true, false, true, 2, 0s, "wait"},
      {AttemptResult::bad_response, 0, true, false, true, 2, 0s, "wait"},  // by `reset`
      {AttemptResult::response, 503, false, true, true, 2, 0s, "wait"},
      {AttemptResult::response, 503, false, false, true, 2, 0s, "relay"},
      {AttemptResult::response, 500, true, false, true, 2, 0s, "relay"},
      {AttemptResult::response, 200, true, true, true, 9, 0s, "relay"},
      {AttemptResult::response, 503, true, false, true, 1, 0s, "relay"},
      {AttemptResult::response, 503, true, false, false, 2, 0s, "relay"},
      {AttemptResult::reset, 0, true, false, false, 2, 0s, "refuse:reset"},
      {AttemptResult::timeout, 0, true, false, true, 2, 0s, "refuse:timeout"},
      {AttemptResult::reset, 0, true, false, true, 2, 29899ms, "wait"},
      {AttemptResult::reset, 0, true, false, true, 2, 29900ms,
       "refuse:reset"},  // the attempt would begin at the deadline
      {AttemptResult::bad_response, 0, false, false, true, 2, 0s, "refuse:bad_upstream_response"},
  };
  for (const auto& c : cases) {
    CAPTURE(to_string(c.result));
    CAPTURE(c.status);
    CAPTURE(c.expected);
    RoutePolicy policy = with_everything();
    policy.retry.max_attempts = c.max_attempts;
    policy.retry.any_method = c.any_method;
    Fixture fixture(policy, idempotent(c.idempotent));
    REQUIRE(word(fixture.plan.begin(kStart)) == "attempt");
    CHECK(word_after(fixture.plan, c.result, c.status, c.can_resend, kStart + c.at) == c.expected);
  }
}

TEST_CASE("While it waits for its retry a request holds neither slot nor permit") {
  Fixture fixture(with_everything());
  REQUIRE(word(fixture.plan.begin(kStart)) == "attempt");
  CHECK(fixture.plan.holds_permit());
  const Step step = fixture.plan.after_failure({AttemptResult::reset}, true, kStart + 1s);
  REQUIRE(word(step) == "wait");
  CHECK(std::get<WaitUntil>(step).until == kStart + 1100ms);
  CHECK_FALSE(fixture.plan.holds_permit());
  CHECK_FALSE(fixture.plan.holds_slot());
  CHECK(fixture.policy.breaker->view(kStart).failures == 1);
  const Step again = fixture.plan.next_attempt(kStart + 1100ms);
  REQUIRE(word(again) == "attempt");
  CHECK(std::get<StartAttempt>(again).attempt == 2);
  CHECK(fixture.plan.attempts() == 2);
}

TEST_CASE("Without budget no retry, and the plan says so") {
  RoutePolicy policy = with_everything();
  policy.budget = std::make_shared<RetryBudget>(RetryBudgetConfig{.ratio = 0, .min_per_second = 0.1});
  for (const bool exhausted : {false, true}) {
    Fixture fixture(policy);
    fixture.plan.begin(kStart);
    CHECK(word_after(fixture.plan, AttemptResult::reset, 0, true, kStart) == (exhausted ? "refuse:reset" : "wait"));
    CHECK(fixture.plan.budget_exhausted() == exhausted);
  }
}

TEST_CASE("A retry for which the deadline leaves no time takes nothing from the budget") {
  RoutePolicy policy = with_everything();
  policy.budget = std::make_shared<RetryBudget>(RetryBudgetConfig{.ratio = 0, .min_per_second = 0.1});
  Fixture fixture(policy);
  fixture.plan.begin(kStart);
  CHECK(word_after(fixture.plan, AttemptResult::reset, 0, true, kStart + 29950ms) == "refuse:reset");
  CHECK_FALSE(fixture.plan.budget_exhausted());
  CHECK(policy.budget->remaining_ratio(kStart + 29950ms) == 1);
}

TEST_CASE("The response's verdict comes when it has ended, and the slot is held until then") {
  for (const AttemptResult end : {AttemptResult::response, AttemptResult::reset}) {
    Fixture fixture(with_everything());
    fixture.plan.begin(kStart);
    REQUIRE(word_after(fixture.plan, AttemptResult::response, 200, true, kStart) == "relay");
    CHECK(fixture.plan.holds_slot());
    CHECK(fixture.plan.holds_permit());
    const bool whole = end == AttemptResult::response;
    whole ? fixture.plan.relay_complete(kStart + 1s) : fixture.plan.relay_failed({end}, kStart + 1s);
    CHECK_FALSE(fixture.plan.holds_slot());
    const BreakerView view = fixture.policy.breaker->view(kStart + 1s);
    CHECK(view.successes == (end == AttemptResult::response ? 1 : 0));
    CHECK(view.failures == (end == AttemptResult::response ? 0 : 1));
  }
}

TEST_CASE("A client that has gone costs nobody anything: the breaker counts nothing, the slot is back") {
  Fixture fixture(with_everything());
  fixture.plan.begin(kStart);
  fixture.plan.abandon();
  CHECK(fixture.policy.bulkhead->view().in_use == 0);
  CHECK(fixture.policy.breaker->view(kStart).failures + fixture.policy.breaker->view(kStart).successes == 0);
  {
    Fixture destroyed(fixture.policy);
    destroyed.plan.begin(kStart);
    CHECK(fixture.policy.bulkhead->view().in_use == 1);
  }
  CHECK(fixture.policy.bulkhead->view().in_use == 0);
}

}  // namespace tidegate::policy
