#include "policy/admission.h"

#include <utility>

namespace tidegate::policy {

namespace {

constexpr Duration kProbeReservation = 2s;  // how long a due breaker's probe is left to a queued job
constexpr Duration kProbeRecheckDelay = 1s;

// A breaker that has just come due is left to a queued job for a moment: no user's request is spent on the probe.
bool leaves_probe_to_job(const AdmissionPolicy& policy, Time now) {
  if (!policy.probes || !policy.probes->wants_probe()) return false;  // the normal case costs no lock
  const auto since = policy.breaker->half_open_since(now);
  return since && now - *since < kProbeReservation;
}

std::optional<BreakerRefusal> refusal_of_live_request(const AdmissionPolicy& policy, Time now) {
  if (leaves_probe_to_job(policy, now)) return BreakerRefusal{BreakerState::half_open, kProbeRecheckDelay};
  if (!policy.breaker->peek(now)) return std::nullopt;
  // acquire() counts the refusal that peek() found. Granted all the same (another thread's probe has ended in between),
  // the permit is dropped: the slot comes first, as always.
  return policy.breaker->acquire(now).refused;
}

}  // namespace

Admission admit(const AdmissionPolicy& policy, Caller caller, Time now) {
  const bool live = caller == Caller::live_request;
  if (policy.breaker) {
    const auto refused = live ? refusal_of_live_request(policy, now) : policy.breaker->peek(now);
    if (refused) return *refused;
  }
  if (!policy.bulkhead) return admit_with_slot(policy, Slot(), now);
  auto slot = live ? policy.bulkhead->acquire() : policy.bulkhead->acquire_spare(now);
  if (!slot) return NoSlot{};
  return admit_with_slot(policy, std::move(*slot), now);
}

std::optional<BreakerRefusal> refusal_before_body(const AdmissionPolicy& policy, Time now) {
  return policy.breaker ? refusal_of_live_request(policy, now) : std::nullopt;
}

Admission admit_with_slot(const AdmissionPolicy& policy, Slot slot, Time now) {
  if (!policy.breaker) return Admitted{std::move(slot), Permit()};
  Breaker::Acquired acquired = policy.breaker->acquire(now);
  if (acquired.refused) return *acquired.refused;
  return Admitted{std::move(slot), std::move(acquired.permit)};
}

}  // namespace tidegate::policy
