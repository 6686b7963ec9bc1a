#include "policy/plan.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace tidegate::policy {

namespace {

constexpr Duration kProbeLeft = 2s;  // how long a due breaker's probe is left to a queued job
constexpr Duration kSoon = 1s;       // Retry-After where nothing better is known

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

// A breaker that has just come due is left to a queued job, for a moment: no user's request is spent on finding out.
bool Plan::leaves_the_probe(Time now) const {
  if (!policy_.probes || !policy_.probes->wants_probe()) return false;  // the normal case costs no lock
  const auto since = policy_.breaker->half_open_since(now);
  return since && now - *since < kProbeLeft;
}

// The breaker first, so that an open one is not waited for in the bulkhead; then a slot; then the breaker's permit.
Step Plan::admit(Time now) {
  if (now >= deadline_) return fall_back(Outcome::timeout, policy_.fallback_on.has(AttemptResult::timeout), kSoon);
  if (Breaker* breaker = policy_.breaker.get()) {
    if (leaves_the_probe(now)) return refused_by_breaker({BreakerState::half_open, kSoon});
    if (breaker->peek(now)) {
      // acquire() counts the refusal that peek() found. Granted all the same (another thread's probe has ended in
      // between), the permit goes back: a slot comes first, as always.
      if (const auto refused = breaker->acquire(now).refused) return refused_by_breaker(*refused);
    }
  }
  if (!policy_.bulkhead) return admit_with_slot(now);
  if (auto slot = policy_.bulkhead->acquire()) return slot_granted(std::move(*slot), now);
  const BulkheadConfig& config = policy_.bulkhead->config();
  if (config.max_waiting == 0 || config.max_wait <= Duration::zero()) return slot_wait_over(now);
  return WaitForSlot{std::min(now + config.max_wait, deadline_)};
}

Step Plan::slot_granted(Slot slot, Time now) {
  slot_ = std::move(slot);
  if (now >= deadline_) return slot_wait_over(now);  // granted too late: nothing is begun that cannot end in time
  return admit_with_slot(now);
}

Step Plan::slot_wait_over(Time) {
  const Outcome full = Outcome::bulkhead_full;
  return fall_back(full, policy_.fallback_on.has(full), std::max(policy_.bulkhead->config().max_wait, kSoon));
}

Step Plan::admit_with_slot(Time now) {
  if (policy_.breaker) {
    Breaker::Acquired acquired = policy_.breaker->acquire(now);
    if (acquired.refused) return refused_by_breaker(*acquired.refused);
    permit_ = std::move(acquired.permit);
    would_break_ = would_break_ || permit_.would_refuse();
  }
  ++attempts_;
  return StartAttempt{attempts_, deadline_, std::min(deadline_, now + policy_.timeout.per_try)};
}

Step Plan::refused_by_breaker(const BreakerRefusal& refusal) {
  const Outcome open = Outcome::breaker_open;
  return fall_back(open, policy_.fallback_on.has(open), std::max(refusal.retry_after, kSoon));
}

Step Plan::after(AttemptResult result, uint16_t status, bool can_resend, Time now) {
  const bool retryable = policy_.retry.on.matches(result, status) && (policy_.retry.any_method || traits_.idempotent) &&
                         attempts_ < policy_.retry.max_attempts && can_resend;
  if (retryable) {
    const Duration delay = Backoff(policy_.retry.backoff).delay(attempts_ - 1, last_delay_, random_);
    if (now + delay < deadline_ && (!policy_.budget || policy_.budget->try_retry(now))) {
      give_verdict(result, status, now);
      slot_.release();
      last_delay_ = delay;
      return WaitUntil{now + delay};
    }
    budget_exhausted_ = now + delay < deadline_;
  }
  const bool can_fall_back = policy_.fallback == FallbackKind::respond || can_resend || traits_.body_elsewhere;
  const bool falls_back = policy_.fallback_on.matches(result, status) && can_fall_back;
  if (result == AttemptResult::response && !(falls_back && policy_.fallback != FallbackKind::none)) {
    relayed_status_ = status;
    return Relay{};  // the verdict comes with relay_ended
  }
  give_verdict(result, status, now);
  if (result != AttemptResult::response) return fall_back(outcome_of(result), falls_back, kSoon);
  return fall_back(Outcome::bad_upstream_response, true, kSoon);
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
  if (policy_.breaker) report_attempt(permit_, policy_.breaker->config(), result, status, now);
}

}  // namespace tidegate::policy
