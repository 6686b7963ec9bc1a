// The Plan proposes, the Exchange performs: every decision about one request, and nothing else. A Plan does no I/O and
// owns no timer; it holds the request's permit and slot and gives them back when it is destroyed.
//
//   begin ──▶ Refuse (rate_limited) | Park (queued) | ───┐
//     └──▶ AwaitBody ──body_arrived──────────────────────┤
//                                                        ▼
//        ┌──▶ [admission] ──▶ Refuse | Park | Respond  (breaker_open, bulkhead_full, timeout)
//        │        │  └──▶ WaitForSlot ──slot_granted | slot_wait_over──▶ [admission]
//        │        ▼
//        │   StartAttempt ──no connection──▶ Refuse | Park | Respond  (pool_full)
//        │        ├─────────switched──▶ (done; the slot is held until abandon)
//        │        ├─────────failed────▶ [after_failure] ──▶ WaitUntil | Park | Respond | Refuse
//        │        └─────────response──▶ [after_response] ─▶ the same, or Relay ──relay_…──▶ (done)
//        │                                    │
//        └─────────────── next_attempt ◀── WaitUntil
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "policy/admission.h"
#include "policy/backoff.h"
#include "policy/outcome.h"
#include "policy/rate_limiter.h"
#include "policy/retry_budget.h"
#include "policy/upstream_call.h"

namespace tidegate::policy {

struct TimeoutConfig {
  Duration total = 30s;
  Duration per_try = 15s;          // an attempt, until the response headers; then only total and idle hold
  Duration response_header = 10s;  // from the last byte of the request to the response headers
  Duration idle = 60s;             // silence of the upstream inside a response
  Duration tunnel_idle = std::chrono::hours(1);  // silence of both sides after a 101
};

struct RetryConfig {
  int max_attempts = 1;  // counts the first one; >= 1
  Conditions on;
  bool any_method = false;  // false: `methods: idempotent`
  BackoffConfig backoff;
};

enum class FallbackKind : uint8_t { none, enqueue, respond };

// What a route's decisions are made by. Immutable but for the shared policies; outlives every request of the route.
struct RoutePolicy : AdmissionPolicy {
  std::shared_ptr<RateLimiter> limiter;  // null: no limit
  std::shared_ptr<RetryBudget> budget;   // null: none
  TimeoutConfig timeout;
  RetryConfig retry;
  FallbackKind fallback = FallbackKind::none;
  Conditions fallback_on;
};

// What the Plan must know about a request.
struct RequestTraits {
  std::optional<RateKey> rate_key;         // where the route has a limiter
  std::optional<Duration> client_timeout;  // X-Request-Timeout-Ms
  bool idempotent = false;                 // by method, or Idempotency-Key
  bool respond_async = false;              // Prefer: respond-async
  bool upgrade = false;                    // it asks for another protocol: it never becomes a job
  bool body_elsewhere = false;             // a job would have a reference, and needs no body of the request
  bool body_first = false;                 // its body is awaited before anything of the upstream's is taken
};

// The steps. A variant, so that a forgotten case does not compile.
struct AwaitBody {
  Time until;
};  // the body, or as much of it as is buffered; then body_arrived
struct StartAttempt {
  int attempt;       // 1 = the first
  Time deadline;     // of the whole request
  Duration per_try;  // of this attempt, from when it has a connection to the response headers; the deadline holds too
  Duration upstream_time_allowed;   // until the response headers, whatever the client leaves of it
  std::optional<Time> probe_until;  // a breaker's probe: until the response headers, too
};
struct WaitForSlot {
  Time until;
};  // join the bulkhead's queue; then slot_granted or slot_wait_over
struct WaitUntil {
  Time until;
};  // back off; then next_attempt
struct Park {
  Outcome why;
};  // into the queue
struct Respond {
  Outcome why;
};  // the route's own response
struct Refuse {
  Outcome why;
  Duration retry_after;
};
using Step = std::variant<AwaitBody, StartAttempt, WaitForSlot, WaitUntil, Park, Respond, Refuse>;

// Not a step: only a response can be relayed, and the exchange that has it does so.
struct Relay {};

class Plan {
 public:
  // `policy` outlives the plan.
  Plan(const RoutePolicy& policy, const RequestTraits& traits, Time now, Random& random);

  Step begin(Time now);                               // rate limit, respond-async, then admission
  Step begin(const RateDecision& decided, Time now);  // the same, where the limit has been checked elsewhere
  Step body_arrived(Time now);                        // after AwaitBody
  Step next_attempt(Time now);                        // after WaitUntil
  Step slot_granted(Slot slot, Time now);             // after WaitForSlot
  Step slot_wait_over(Time now);                      // after WaitForSlot: no slot in time, or the queue was full

  // The attempt has a connection, or is connecting: what came before was our own wait, and the upstream's time begins.
  void attempt_begun(Time now);
  // Our own limits left no connection for the attempt. The upstream is not judged by it, and it was no attempt.
  Step pool_full(bool can_resend);
  // `can_resend`: the body can be sent again; if not, there is no retry and the request is not parked.
  Step after_failure(const AttemptFailure& failed, bool can_resend, Time now);
  // `upstream_time`: how long the upstream alone was waited for.
  std::variant<Relay, Step> after_response(uint16_t status, Duration upstream_time, bool can_resend, Time now);
  // The relayed response has ended: whole, or broken.
  void relay_complete(Time now);
  void relay_failed(const AttemptFailure& failed, Time now);
  // In place of after_response(): the response is a 101 that the request asked for. The slot is held until abandon().
  void switched(Duration upstream_time, Time now);
  // Nobody needs the attempt any more, or its time was over inside the response: everything is given back, and the
  // breaker counts nothing.
  void abandon();

  Time deadline() const { return deadline_; }
  // To send the request twice does no harm.
  bool may_run_twice() const { return policy_.retry.any_method || traits_.idempotent; }
  int attempts() const { return attempts_; }
  const std::optional<RateDecision>& rate_decision() const { return rate_; }
  // Decisions that shadow mode did not act on: rate_limited, breaker_open.
  bool would_rate_limit() const { return would_rate_limit_; }
  bool would_break() const { return would_break_; }
  // The budget refused the last retry that the rules allowed.
  bool budget_exhausted() const { return budget_exhausted_; }
  bool holds_permit() const { return call_.holds_permit(); }
  bool holds_slot() const { return call_.holds_slot(); }

 private:
  Step begin_within_limit(Time now);
  Step begin_call(Time now);
  Step admit(Time now);
  Step breaker_refused(const BreakerRefusal& refusal);
  Step step_of(Admission admission, Time now);
  Step without_slot(Time now);
  std::optional<WaitUntil> retry(AttemptResult result, uint16_t status, bool can_resend, Time now);
  FallbackKind fallback() const;
  bool can_fall_back(bool can_resend) const;
  Step fall_back(Outcome why, bool matches, Duration retry_after);

  const RoutePolicy& policy_;
  RequestTraits traits_;
  Random& random_;
  Time deadline_;
  int attempts_ = 0;
  Duration last_delay_{};
  std::optional<RateDecision> rate_;
  UpstreamCall call_;  // while an attempt is under way
  bool would_rate_limit_ = false;
  bool would_break_ = false;
  bool budget_exhausted_ = false;
};

}  // namespace tidegate::policy
