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
  if (traits_.respond_async && policy_.fallback == FallbackKind::enqueue) return Park{Outcome::queued};
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
  if (const auto* refused = std::get_if<BreakerRefusal>(&admission)) {
    const Outcome open = Outcome::breaker_open;
    return fall_back(open, policy_.fallback_on.has(open), std::max(refused->retry_after, kDefaultRetryAfter));
  }
  auto& admitted = std::get<Admitted>(admission);
  slot_ = std::move(admitted.slot);
  permit_ = std::move(admitted.permit);
  would_break_ = would_break_ || permit_.would_refuse();
  ++attempts_;
  attempt_begun_at_ = now;
  return StartAttempt{attempts_, deadline_, policy_.timeout.per_try};
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
  const bool retryable = policy_.retry.on.matches(result, status) && (policy_.retry.any_method || traits_.idempotent) &&
                         attempts_ < policy_.retry.max_attempts && can_resend;
  if (!retryable) return std::nullopt;
  const Duration delay = Backoff(policy_.retry.backoff).delay(attempts_ - 1, last_delay_, random_);
  if (now + delay >= deadline_) return std::nullopt;
  budget_exhausted_ = policy_.budget && !policy_.budget->try_retry(now);
  if (budget_exhausted_) return std::nullopt;
  give_verdict(result, status, now);
  slot_.release();
  last_delay_ = delay;
  return WaitUntil{now + delay};
}

void Plan::attempt_begun(Time now) {
  attempt_begun_at_ = now;
  permit_.begin(now);
}

Step Plan::pool_full(bool can_resend) {
  const Outcome full = Outcome::pool_full;
  --attempts_;
  permit_ = Permit();
  return fall_back(full, policy_.fallback_on.has(full) && can_fall_back(can_resend), kDefaultRetryAfter);
}

bool Plan::can_fall_back(bool can_resend) const {
  return policy_.fallback == FallbackKind::respond || can_resend || traits_.body_elsewhere;
}

Step Plan::after_failure(AttemptResult failed, bool can_resend, Time now) {
  TG_ASSERT(failed != AttemptResult::response);
  if (const auto wait = retry(failed, 0, can_resend, now)) return *wait;
  give_verdict(failed, 0, now);
  const bool matches = policy_.fallback_on.matches(failed, 0) && can_fall_back(can_resend);
  return fall_back(outcome_of(failed), matches, kDefaultRetryAfter);
}

std::variant<Relay, Step> Plan::after_response(uint16_t status, bool can_resend, Time now) {
  constexpr AttemptResult kResponse = AttemptResult::response;
  if (const auto wait = retry(kResponse, status, can_resend, now)) return Step(*wait);
  const bool matches = policy_.fallback_on.matches(kResponse, status) && can_fall_back(can_resend);
  if (policy_.fallback == FallbackKind::none || !matches) {
    relayed_status_ = status;
    return Relay{};  // the verdict comes with relay_ended
  }
  give_verdict(kResponse, status, now);
  return fall_back(Outcome::bad_upstream_response, true, kDefaultRetryAfter);
}

void Plan::relay_ended(AttemptResult result, Time now) {
  give_verdict(result, relayed_status_, now);
  slot_.release();
}

void Plan::abandon() {
  permit_ = Permit();
  slot_.release();
}

Step Plan::fall_back(Outcome why, bool matches, Duration retry_after) {
  TG_ASSERT(!permit_.valid());
  slot_.release();
  if (matches && policy_.fallback == FallbackKind::enqueue) return Park{why};
  if (matches && policy_.fallback == FallbackKind::respond) return Respond{why};
  return Refuse{why, retry_after};
}

void Plan::give_verdict(AttemptResult result, uint16_t status, Time now) {
  if (policy_.health) policy_.health->note(result, status, attempt_begun_at_);
  if (policy_.breaker) report_attempt(permit_, policy_.breaker->config(), result, status, now);
}

}  // namespace tidegate::policy
