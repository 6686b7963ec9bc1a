#include "policy/breaker.h"

#include <mutex>
#include <utility>

#include "base/assert.h"
#include "policy/breaker_machine.h"

namespace tidegate::policy {

const char* to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed: return "closed";
    case BreakerState::open: return "open";
    case BreakerState::half_open: return "half_open";
    case BreakerState::forced_open: return "forced_open";
    case BreakerState::forced_closed: return "forced_closed";
  }
  return "unknown";
}

const char* to_string(TransitionReason reason) {
  switch (reason) {
    case TransitionReason::consecutive_failures: return "consecutive_failures";
    case TransitionReason::failure_ratio: return "failure_ratio";
    case TransitionReason::slow_call_ratio: return "slow_call_ratio";
    case TransitionReason::open_for_elapsed: return "open_for_elapsed";
    case TransitionReason::probe_failed: return "probe_failed";
    case TransitionReason::probe_timed_out: return "probe_timed_out";
    case TransitionReason::probes_succeeded: return "probes_succeeded";
    case TransitionReason::restored: return "restored";
    case TransitionReason::operator_forced: return "operator_forced";
    case TransitionReason::operator_released: return "operator_released";
    case TransitionReason::force_expired: return "force_expired";
  }
  return "unknown";
}

Permit::Permit(Permit&& other) noexcept { *this = std::move(other); }

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  drop();
  breaker_ = std::exchange(other.breaker_, nullptr);
  generation_ = other.generation_;
  lease_ = other.lease_;
  probe_until_ = other.probe_until_;
  probe_ = other.probe_;
  would_refuse_ = other.would_refuse_;
  return *this;
}

std::optional<Time> Permit::probe_until() const {
  const bool acts = valid() && probe_ && breaker_->config().mode == Mode::enforce;
  return acts ? std::optional(probe_until_) : std::nullopt;
}

void Permit::report(Verdict verdict, Time now, std::string_view why, Duration upstream_time) {
  TG_ASSERT(valid());
  std::exchange(breaker_, nullptr)->report(*this, verdict, now, why, upstream_time);
}

void Permit::drop() {
  if (valid()) std::exchange(breaker_, nullptr)->give_back(*this);
}

struct Breaker::Guarded {
  Guarded(const BreakerConfig& config, Time made, uint64_t seed) : machine(config, made, seed) {}

  std::mutex mutex;
  BreakerMachine machine;
  uint64_t successes = 0, failures = 0, slow_calls = 0, ignored = 0, not_permitted = 0;
};

Breaker::Breaker(std::string name, const BreakerConfig& config, Time made, uint64_t seed)
    : name_(std::move(name)), config_(config), guarded_(std::make_unique<Guarded>(config_, made, seed)) {}

Breaker::~Breaker() = default;

// Works under the lock; then, without it, notifies the owner.
template <typename Work>
void Breaker::act(const Work& work) {
  bool changed = false;
  {
    const std::lock_guard lock(guarded_->mutex);
    const BreakerMachine& machine = guarded_->machine;
    const uint64_t transitions = machine.transitions();
    const std::optional<Time> next_at = machine.next_transition_at();
    work(*guarded_);
    changed = machine.transitions() != transitions || machine.next_transition_at() != next_at;
  }
  if (changed && on_change_) on_change_();
}

Breaker::Acquired Breaker::acquire(Time now) {
  Acquired acquired;
  act([&](Guarded& guarded) {
    BreakerMachine& machine = guarded.machine;
    machine.advance(now);
    acquired.refused = machine.refusal_at(now);
    Permit& permit = acquired.permit;
    if (acquired.refused) {
      ++guarded.not_permitted;
      if (config_.mode == Mode::enforce) return;
      permit.would_refuse_ = true;
      acquired.refused.reset();
    }
    permit.breaker_ = this;
    permit.generation_ = machine.generation();
    permit.probe_until_ = now + config_.half_open_timeout;
    permit.probe_ = machine.state() == BreakerState::half_open && !permit.would_refuse_;
    if (permit.probe_) permit.lease_ = machine.start_probe(now);
  });
  return acquired;
}

void Breaker::report(const Permit& permit, Verdict verdict, Time now, std::string_view why, Duration upstream_time) {
  act([&](Guarded& guarded) {
    BreakerMachine& machine = guarded.machine;
    const bool slow = config_.slow_call && upstream_time >= config_.slow_call->threshold;
    if (verdict == Verdict::ignored) {
      ++guarded.ignored;
    } else if (verdict == Verdict::failure) {
      ++guarded.failures;
    } else {
      ++(slow ? guarded.slow_calls : guarded.successes);
    }
    machine.advance(now);
    if (permit.generation_ != machine.generation() || permit.would_refuse_) return;
    if (!permit.probe_) {
      if (verdict != Verdict::ignored) machine.finished(verdict, slow, now, why);
      return;
    }
    machine.end_probe(permit.lease_);
    if (verdict == Verdict::ignored) return machine.grant_probe_again();
    if (now >= permit.probe_until_) return machine.time_out_probe(now);
    machine.finished(verdict, slow, now, why);
  });
}

void Breaker::give_back(const Permit& permit) {
  act([&](Guarded& guarded) {
    BreakerMachine& machine = guarded.machine;
    ++guarded.ignored;
    const bool counts = permit.probe_ && permit.generation_ == machine.generation();
    if (counts && machine.end_probe(permit.lease_)) machine.grant_probe_again();
  });
}

void Breaker::force(BreakerState forced, std::optional<Duration> duration, std::string why, Time now) {
  act([&](Guarded& guarded) {
    guarded.machine.advance(now);
    guarded.machine.force(forced, duration, std::move(why), now);
  });
}

void Breaker::restore(const RememberedOpen& remembered, Time now) {
  act([&](Guarded& guarded) { guarded.machine.restore(remembered, now); });
}

void Breaker::advance(Time now) {
  act([&](Guarded& guarded) { guarded.machine.advance(now); });
}

std::optional<Time> Breaker::next_transition_at() const {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->machine.next_transition_at();
}

QueuedTransitions Breaker::take_transitions() {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->machine.take_transitions();
}

std::optional<BreakerRefusal> Breaker::peek(Time now) const {
  if (config_.mode != Mode::enforce) return std::nullopt;
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->machine.refusal_at(now);
}

std::optional<Time> Breaker::half_open_since(Time now) const {
  if (config_.mode != Mode::enforce) return std::nullopt;
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->machine.half_open_since(now);
}

uint64_t Breaker::transitions() const {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->machine.transitions();
}

BreakerView Breaker::view(Time now) const {
  const std::lock_guard lock(guarded_->mutex);
  BreakerView view{};
  guarded_->machine.describe(view, now);
  view.successes = guarded_->successes;
  view.failures = guarded_->failures;
  view.slow = guarded_->slow_calls;
  view.ignored = guarded_->ignored;
  view.not_permitted = guarded_->not_permitted;
  return view;
}

}  // namespace tidegate::policy
