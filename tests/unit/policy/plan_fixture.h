// A Plan with its policies, and its steps in one word each.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/plan.h"

namespace tidegate::policy {

inline constexpr Time kStart{100s};

// A step in one word: "body", "attempt", "wait", "slot", "relay", "park:timeout", "respond:reset",
// "refuse:rate_limited".
inline std::string word(const Step& step) {
  struct Visitor {
    std::string operator()(const AwaitBody&) const { return "body"; }
    std::string operator()(const StartAttempt&) const { return "attempt"; }
    std::string operator()(const WaitForSlot&) const { return "slot"; }
    std::string operator()(const WaitUntil&) const { return "wait"; }
    std::string operator()(const Park& s) const { return std::string("park:") + to_string(s.why); }
    std::string operator()(const Respond& s) const { return std::string("respond:") + to_string(s.why); }
    std::string operator()(const Refuse& s) const { return std::string("refuse:") + to_string(s.why); }
  };
  return std::visit(Visitor{}, step);
}

// The same for what comes after an attempt with that result, a response or a failure.
inline std::variant<Relay, Step> after(Plan& plan, AttemptResult result, uint16_t status, bool can_resend, Time now) {
  if (result == AttemptResult::response) return plan.after_response(status, 0s, can_resend, now);
  return plan.after_failure({result}, can_resend, now);
}
inline std::string word_after(Plan& plan, AttemptResult result, uint16_t status, bool can_resend, Time now) {
  const auto next = after(plan, result, status, can_resend, now);
  return std::holds_alternative<Relay>(next) ? "relay" : word(std::get<Step>(next));
}

inline RoutePolicy with_everything() {
  RoutePolicy policy;
  policy.breaker = std::make_shared<Breaker>("b", BreakerConfig{}, kStart, 1);
  policy.bulkhead =
      std::make_shared<Bulkhead>("h", BulkheadConfig{.max_concurrent = 1, .max_waiting = 2, .max_wait = 5s});
  policy.retry.max_attempts = 2;
  policy.retry.on = *Conditions::of({"connect_failure", "reset", "502", "503"});
  policy.retry.backoff = {.base = 100ms, .max = 2s, .jitter = Jitter::none};
  return policy;
}

inline RequestTraits idempotent(bool yes = true) {
  RequestTraits traits;
  traits.idempotent = yes;
  return traits;
}
inline RequestTraits with_body_first() {
  RequestTraits traits;
  traits.body_first = true;
  return traits;
}
inline RequestTraits within(std::optional<Duration> client_timeout) {
  RequestTraits traits;
  traits.client_timeout = client_timeout;
  return traits;
}
inline RequestTraits keyed(bool respond_async = false) {
  RequestTraits traits;
  traits.rate_key = RateKey{1, 1};
  traits.respond_async = respond_async;
  return traits;
}

struct Fixture {
  explicit Fixture(RoutePolicy p, const RequestTraits& traits = idempotent())
      : policy(std::move(p)), plan(policy, traits, kStart, random) {}
  Random random{1};
  RoutePolicy policy;
  Plan plan;
};

inline void open(Breaker& breaker, Time now) {
  for (int i = 0; i < 5; ++i) breaker.acquire(now).permit.report(Verdict::failure, now);
}

}  // namespace tidegate::policy
