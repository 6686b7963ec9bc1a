#include "policy/plan.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace tidegate::policy {

namespace {

constexpr Duration kDefaultRetryAfter = 1s;  // where nothing better is known, and at least

}  // namespace

Plan::Plan(const RoutePolicy& policy, const RequestTraits& traits, Time now, Random& random)
    : policy_(policy),
      traits_(traits),
      random_(random),
      deadline_(now + std::min(policy.timeout.total, traits.client_timeout.value_or(policy.timeout.total))) {}

Step Plan::begin(Time now) {
  if (policy_.limiter && traits_.rate_key) return begin(policy_.limiter->check(*traits_.rate_key, now), now);
  return begin_within_limit(now);
}

Step Plan::begin(const RateDecision& decided, Time now) {
  rate_ = decided;
  would_rate_limit_ = !decided.allowed && policy_.limiter->config().mode == Mode::shadow;
  if (!decided.allowed && !would_rate_limit_) return Refuse{Outcome::rate_limited, decided.retry_after};
  return begin_within_limit(now);
}

Step Plan::begin_within_limit(Time now) {
  if (traits_.respond_async && fallback() == FallbackKind::enqueue) return Park{Outcome::queued};
  if (!traits_.body_first) return begin_call(now);
  // Nobody sends a body for a request that is refused anyway.
  if (const auto refused = refusal_before_body(policy_, now)) return breaker_refused(*refused);
  return AwaitBody{deadline_};
}

Step Plan::body_arrived(Time now) { return begin_call(now); }

Step Plan::begin_call(Time now) {
  if (policy_.budget) policy_.budget->first_attempt(now);
  return admit(now);
}

Step Plan::next_attempt(Time now) { return admit(now); }

Step Plan::admit(Time now) {
  if (now >= deadline_) {
    return fall_back(Outcome::timeout, policy_.fallback_on.has(AttemptResult::timeout), kDefaultRetryAfter);
  }
  return step_of(policy::admit(policy_, Caller::live_request, now), now);
}

Step Plan::step_of(Admission admission, Time now) {
  if (std::holds_alternative<NoSlot>(admission)) return without_slot(now);
  if (const auto* refused = std::get_if<BreakerRefusal>(&admission)) return breaker_refused(*refused);
  auto& admitted = std::get<Admitted>(admission);
  would_break_ = would_break_ || admitted.permit.would_refuse();
  call_ = UpstreamCall(policy_, std::move(admitted), now);
  ++attempts_;
  const TimeoutConfig& timeout = policy_.timeout;
  const std::optional<Time> probe_until = call_.probe_until();
  Duration allowed = std::min({timeout.response_header, timeout.per_try, timeout.total});
  if (probe_until) allowed = std::min(allowed, *probe_until - now);
  return StartAttempt{attempts_, deadline_, timeout.per_try, allowed, probe_until};
}

Step Plan::breaker_refused(const BreakerRefusal& refusal) {
  const Outcome open = Outcome::breaker_open;
  return fall_back(open, policy_.fallback_on.has(open), std::max(refusal.retry_after, kDefaultRetryAfter));
}

Step Plan::without_slot(Time now) {
  const BulkheadConfig& config = policy_.bulkhead->config();
  if (config.max_waiting == 0 || config.max_wait <= Duration::zero()) return slot_wait_over(now);
  return WaitForSlot{std::min(now + config.max_wait, deadline_)};
}

Step Plan::slot_granted(Slot slot, Time now) {
  if (now >= deadline_) return slot_wait_over(now);  // granted too late: nothing is begun that cannot end in time
  return step_of(admit_with_slot(policy_, std::move(slot), now), now);
}

Step Plan::slot_wait_over(Time) {
  const Outcome full = Outcome::bulkhead_full;
  const Duration retry_after = std::max(policy_.bulkhead->config().max_wait, kDefaultRetryAfter);
  return fall_back(full, policy_.fallback_on.has(full), retry_after);
}

// A retry needs the rule, the method, an attempt left, a body that can be sent again, time, and budget.
std::optional<WaitUntil> Plan::retry(AttemptResult result, uint16_t status, bool can_resend, Time now) {
  const bool retryable = policy_.retry.on.matches(result, status) && may_run_twice() &&
                         attempts_ < policy_.retry.max_attempts && can_resend;
  if (!retryable) return std::nullopt;
  const Duration delay = Backoff(policy_.retry.backoff).delay(attempts_ - 1, last_delay_, random_);
  if (now + delay >= deadline_) return std::nullopt;
  budget_exhausted_ = policy_.budget && !policy_.budget->try_retry(now);
  if (budget_exhausted_) return std::nullopt;
  last_delay_ = delay;
  return WaitUntil{now + delay};
}

void Plan::attempt_begun(Time now) { call_.begin(now); }

Step Plan::pool_full(bool can_resend) {
  const Outcome full = Outcome::pool_full;
  --attempts_;
  call_.abandon();
  return fall_back(full, policy_.fallback_on.has(full) && can_fall_back(can_resend), kDefaultRetryAfter);
}

// A job's result is a response, which a tunnel is not.
FallbackKind Plan::fallback() const {
  const bool none = traits_.upgrade && policy_.fallback == FallbackKind::enqueue;
  return none ? FallbackKind::none : policy_.fallback;
}

bool Plan::can_fall_back(bool can_resend) const {
  return fallback() == FallbackKind::respond || can_resend || traits_.body_elsewhere;
}

Step Plan::after_failure(const AttemptFailure& failed, bool can_resend, Time now) {
  TG_ASSERT(failed.result != AttemptResult::response);
  call_.on_failed(failed, now);
  if (const auto wait = retry(failed.result, 0, can_resend, now)) return *wait;
  const bool matches = policy_.fallback_on.matches(failed.result, 0) && can_fall_back(can_resend);
  return fall_back(outcome_of(failed.result), matches, kDefaultRetryAfter);
}

std::variant<Relay, Step> Plan::after_response(uint16_t status, Duration upstream_time, bool can_resend, Time now) {
  constexpr AttemptResult kResponse = AttemptResult::response;
  call_.on_headers(status, upstream_time, now);
  const auto wait = retry(kResponse, status, can_resend, now);
  const bool falls =
      fallback() != FallbackKind::none && policy_.fallback_on.matches(kResponse, status) && can_fall_back(can_resend);
  if (!wait && !falls) return Relay{};
  call_.on_discarded(now);
  if (wait) return Step(*wait);
  return fall_back(Outcome::bad_upstream_response, true, kDefaultRetryAfter);
}

void Plan::relay_complete(Time now) { call_.on_complete(now); }

void Plan::relay_failed(const AttemptFailure& failed, Time now) { call_.on_failed(failed, now); }

void Plan::switched(Duration upstream_time, Time now) { call_.on_switched(upstream_time, now); }

void Plan::abandon() { call_.abandon(); }

Step Plan::fall_back(Outcome why, bool matches, Duration retry_after) {
  TG_ASSERT(!call_.holds_permit() && !call_.holds_slot());
  if (matches && fallback() == FallbackKind::enqueue) return Park{why};
  if (matches && fallback() == FallbackKind::respond) return Respond{why};
  return Refuse{why, retry_after};
}

}  // namespace tidegate::policy
