// The Plan proposes, the Exchange performs: every decision about one request, and nothing else. A Plan does no I/O and
// owns no timer; it holds the request's permit and slot and gives them back when it is destroyed.
//
//   begin ──▶ Refuse(rate_limited) | Park (asked for) | ─┐
//                                                        ▼
//        ┌────────────────────────────────────────── [admission] ──▶ Refuse | Park | Respond  (breaker_open, bulkhead_full)
//        │ wait over (next_attempt)                          │  └──▶ WaitForSlot ──slot_granted / slot_wait_over──▶ …
//        │                                               ▼
//      WaitUntil ◀── retry ── [after(result)] ◀───────  StartAttempt
//                                │  │  └──▶ Relay ──relay_ended──▶ (done)
//                                │  └─────▶ Park | Respond   (fallback)
//                                └────────▶ Refuse
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "policy/backoff.h"
#include "policy/breaker.h"
#include "policy/bulkhead.h"
#include "policy/outcome.h"
#include "policy/rate_limiter.h"
#include "policy/retry_budget.h"

namespace tidegate::policy {

struct TimeoutConfig {
  Duration total = 30s;
  Duration per_try = 15s;          // a try, until its answer's head; later only total and idle hold
  Duration response_header = 10s;  // from the last byte of the request to the head of the answer
  Duration idle = 60s;             // silence of the upstream inside an answer
};

struct RetryConfig {
  int max_attempts = 1;  // counts the first try; >= 1
  Conditions on;
  bool any_method = false;  // false: `methods: idempotent`
  BackoffConfig backoff;
};

// Who would rather make the probe calls of a breaker that is due than have a live request make them.
class ProbeSource {
 public:
  virtual bool wants_probe() const = 0;

 protected:
  ~ProbeSource() = default;
};

enum class FallbackKind : uint8_t { none, enqueue, respond };

// What a route decides by. Immutable but for the shared policies; lives as long as any request of the route.
struct RoutePolicy {
  std::shared_ptr<RateLimiter> limiter;  // null: no limit
  std::shared_ptr<Breaker> breaker;      // null: none
  std::shared_ptr<Bulkhead> bulkhead;    // null: none
  std::shared_ptr<RetryBudget> budget;   // null: none
  const ProbeSource* probes = nullptr;   // null: live requests probe
  TimeoutConfig timeout;
  RetryConfig retry;
  FallbackKind fallback = FallbackKind::none;
  Conditions fallback_on;
};

// What the Plan must know of a request.
struct RequestTraits {
  std::optional<RateKey> rate_key;         // where the route has a limiter
  std::optional<Duration> client_timeout;  // X-Request-Timeout-Ms
  bool idempotent = false;                 // by method, or Idempotency-Key
  bool respond_async = false;              // Prefer: respond-async
  bool body_elsewhere = false;             // a job needs no body of the request: it has a reference to it
};

// The steps. A variant, so that a forgotten case does not compile.
struct StartAttempt {
  int attempt;            // 1 = the first
  Time deadline;          // of the whole request
  Time attempt_deadline;  // of this try, until the head: min(deadline, now + per_try)
};
struct WaitForSlot {
  Time until;
};  // join the bulkhead's queue; then slot_granted or slot_wait_over
struct WaitUntil {
  Time until;
};                // back off; then next_attempt
struct Relay {};  // the answer in hand goes to the client
struct Park {
  Outcome why;
};  // into the queue
struct Respond {
  Outcome why;
};  // the route's own answer
struct Refuse {
  Outcome why;
  Duration retry_after;
};
using Step = std::variant<StartAttempt, WaitForSlot, WaitUntil, Relay, Park, Respond, Refuse>;

class Plan {
 public:
  // `policy` outlives the plan.
  Plan(const RoutePolicy& policy, const RequestTraits& traits, Time now, Random& random);

  Step begin(Time now);                               // rate limit, respond-async, then admission
  Step begin(const RateDecision& decided, Time now);  // the same, where the limit has been asked elsewhere
  Step next_attempt(Time now);                        // after WaitUntil
  Step slot_granted(Slot slot, Time now);             // after WaitForSlot
  Step slot_wait_over(Time now);                      // … or the queue was full
  // The bulkhead's queue was full when the exchange tried to join it: same as slot_wait_over.

  // A try has an answer's head, or failed. `can_resend`: the body can be sent again (else no retry and no park of it;
  // the exchange says so). `upstream_retry_after`: of the answer.
  Step after(AttemptResult result, uint16_t status, bool can_resend, Time now);
  // The relayed answer has ended: whole, or broken (result != response). Gives the breaker its verdict.
  void relay_ended(AttemptResult result, Time now);
  // The client has gone: everything is given back, the breaker hears nothing.
  void abandon();

  Time deadline() const { return deadline_; }
  int attempts() const { return attempts_; }
  const std::optional<RateDecision>& rate_decision() const { return rate_; }
  // Decisions that shadow mode did not act on: rate_limited, breaker_open.
  bool would_rate_limit() const { return would_rate_limit_; }
  bool would_break() const { return would_break_; }
  // The last retry that the rule wanted was not in the budget.
  bool budget_exhausted() const { return budget_exhausted_; }
  bool holds_permit() const { return permit_.valid(); }
  bool holds_slot() const { return slot_.valid(); }

 private:
  Step begin_within_limit(Time now);
  Step admit(Time now);
  Step admit_with_slot(Time now);
  bool leaves_the_probe(Time now) const;
  Step refused_by_breaker(const BreakerRefusal& refusal);
  Step fall_back(Outcome why, bool matches, Duration retry_after);
  void give_verdict(AttemptResult result, uint16_t status, Time now);

  const RoutePolicy& policy_;
  RequestTraits traits_;
  Random& random_;
  Time deadline_;
  int attempts_ = 0;
  Duration last_delay_{};
  uint16_t relayed_status_ = 0;
  std::optional<RateDecision> rate_;
  Permit permit_;
  Slot slot_;
  bool would_rate_limit_ = false;
  bool would_break_ = false;
  bool budget_exhausted_ = false;
};

}  // namespace tidegate::policy
