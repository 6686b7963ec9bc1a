// A request whose body is awaited takes nothing of the upstream's before the body has arrived.
#include <doctest/doctest.h>

#include "unit/policy/plan_fixture.h"

namespace tidegate::policy {

TEST_CASE("While its body is awaited a request holds neither slot nor permit; then it is admitted as any other") {
  Fixture fixture(with_everything(), with_body_first());
  const Step step = fixture.plan.begin(kStart);
  REQUIRE(word(step) == "body");
  CHECK(std::get<AwaitBody>(step).until == kStart + 30s);
  CHECK_FALSE(fixture.plan.holds_slot());
  CHECK_FALSE(fixture.plan.holds_permit());
  CHECK(word(fixture.plan.body_arrived(kStart + 5s)) == "attempt");
  CHECK(fixture.plan.holds_slot());
  CHECK(fixture.plan.holds_permit());
}

TEST_CASE("An open breaker refuses before the body is awaited, and one that opens meanwhile refuses then") {
  const RoutePolicy policy = with_everything();
  Fixture early(policy, with_body_first());
  CHECK(word(early.plan.begin(kStart)) == "body");
  open(*policy.breaker, kStart);
  Fixture late(policy, with_body_first());
  CHECK(word(late.plan.begin(kStart)) == "refuse:breaker_open");
  CHECK(word(early.plan.body_arrived(kStart)) == "refuse:breaker_open");
  CHECK(policy.breaker->view(kStart).not_permitted == 2);
}

TEST_CASE("A body that is awaited does not feed the retry budget before it has arrived") {
  RoutePolicy policy;
  policy.budget = std::make_shared<RetryBudget>(RetryBudgetConfig{.ratio = 1, .min_per_second = 0});
  Fixture fixture(policy, with_body_first());
  CHECK(word(fixture.plan.begin(kStart)) == "body");
  CHECK_FALSE(policy.budget->try_retry(kStart));
  CHECK(word(fixture.plan.body_arrived(kStart)) == "attempt");
  CHECK(policy.budget->try_retry(kStart));
}

TEST_CASE("A body that arrives when the deadline has passed: timeout") {
  Fixture fixture(RoutePolicy{}, with_body_first());
  CHECK(word(fixture.plan.begin(kStart)) == "body");
  CHECK(word(fixture.plan.body_arrived(kStart + 30s)) == "refuse:timeout");
}

TEST_CASE("Prefer: respond-async parks at once: the queue awaits the body itself") {
  RoutePolicy policy = with_everything();
  policy.fallback = FallbackKind::enqueue;
  RequestTraits traits = with_body_first();
  traits.respond_async = true;
  Fixture fixture(policy, traits);
  CHECK(word(fixture.plan.begin(kStart)) == "park:queued");
}

}  // namespace tidegate::policy
