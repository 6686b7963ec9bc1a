#include "policy/breaker.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "policy/breaker_state.h"

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
  begun_ = other.begun_;
  probe_ = other.probe_;
  would_refuse_ = other.would_refuse_;
  return *this;
}

void Permit::report(Verdict verdict, Time now, std::string_view why) {
  TG_ASSERT(valid());
  std::exchange(breaker_, nullptr)->report(*this, verdict, now, why);
}

void Permit::drop() {
  if (valid()) std::exchange(breaker_, nullptr)->give_back(*this);
}

// Every public call: the lock, the work, then (unlocked) the announcements.
struct Breaker::Session {
  explicit Session(Breaker& b) : breaker(b), state(*b.state_), lock(b.state_->mutex) {}
  ~Session() {
    if (state.unannounced.empty()) return;
    const std::vector<Transition> transitions = std::move(state.unannounced);
    state.unannounced.clear();
    lock.unlock();
    if (!breaker.observer_) return;
    for (const Transition& transition : transitions) breaker.observer_(breaker, transition);
  }
  Breaker& breaker;
  State& state;
  std::unique_lock<std::mutex> lock;
};

Breaker::Breaker(std::string name, const BreakerConfig& config, Time made, uint64_t seed)
    : name_(std::move(name)), config_(config), state_(nullptr, [](State* state) { delete state; }) {
  state_.reset(new State(config_, made, seed));
}

void Breaker::on_transition(std::function<void(const Breaker&, const Transition&)> observer) {
  observer_ = std::move(observer);
}

Breaker::Acquired Breaker::acquire(Time now) {
  Session session(*this);
  State& state = session.state;
  state.catch_up(now);
  Acquired acquired;
  acquired.refused = state.refusal(now);
  Permit& permit = acquired.permit;
  if (acquired.refused) {
    ++state.not_permitted;
    if (config_.mode == Mode::enforce) return acquired;
    permit.would_refuse_ = true;
    acquired.refused.reset();
  }
  permit.breaker_ = this;
  permit.generation_ = state.generation;
  permit.begun_ = now;
  permit.probe_ = state.state == BreakerState::half_open && !permit.would_refuse_;
  if (permit.probe_) state.take_probe(permit.lease_ = state.next_lease++, now);
  return acquired;
}

std::optional<BreakerRefusal> Breaker::peek(Time now) {
  if (config_.mode != Mode::enforce) return std::nullopt;
  Session session(*this);
  session.state.catch_up(now);
  return session.state.refusal(now);
}

std::optional<Time> Breaker::half_open_since(Time now) {
  if (config_.mode != Mode::enforce) return std::nullopt;
  Session session(*this);
  session.state.catch_up(now);
  if (session.state.state != BreakerState::half_open) return std::nullopt;
  return session.state.since;
}

void Breaker::report(const Permit& permit, Verdict verdict, Time now, std::string_view why) {
  Session session(*this);
  State& state = session.state;
  const bool slow = config_.slow_call && now - permit.begun_ >= config_.slow_call->threshold;
  if (verdict == Verdict::ignored) {
    ++state.ignored;
  } else if (verdict == Verdict::failure) {
    ++state.failures;
  } else {
    ++(slow ? state.slow_calls : state.successes);
  }
  state.catch_up(now);
  if (permit.generation_ != state.generation || permit.would_refuse_) return;
  if (permit.probe_) state.drop_probe(permit.lease_);
  if (verdict != Verdict::ignored) return state.finished(verdict, slow, now, why);
  if (permit.probe_) --state.probes_granted;
}

void Breaker::give_back(const Permit& permit) {
  Session session(*this);
  State& state = session.state;
  ++state.ignored;
  if (permit.generation_ == state.generation && permit.probe_ && state.drop_probe(permit.lease_))
    --state.probes_granted;
}

void Breaker::force(BreakerState forced, std::optional<Duration> duration, std::string why, Time now) {
  TG_ASSERT(forced == BreakerState::forced_open || forced == BreakerState::forced_closed ||
            forced == BreakerState::closed);
  Session session(*this);
  State& state = session.state;
  state.catch_up(now);
  const bool is_forced = state.state == BreakerState::forced_open || state.state == BreakerState::forced_closed;
  if (forced == BreakerState::closed) {
    if (is_forced) state.move_to(forced, TransitionReason::operator_released, std::move(why), now);
    return;
  }
  state.move_to(forced, TransitionReason::operator_forced, std::move(why), now);
  state.forced_until = duration ? std::optional(now + *duration) : std::nullopt;
}

BreakerView Breaker::view(Time now) {
  Session session(*this);
  State& state = session.state;
  state.catch_up(now);
  BreakerView view{};
  view.state = state.state;
  view.since = state.since;
  if (state.state == BreakerState::open) view.next_probe_at = state.since + state.open_for;
  view.forced_until = state.forced_until;
  view.consecutive_failures = state.consecutive_failures;
  view.window_calls = state.window.counts().calls;
  view.window_failures = state.window.counts().failures;
  view.window_slow = state.window.counts().slow;
  view.probes_in_flight = static_cast<int>(state.probes.size());
  view.last = state.last;
  view.transitions = state.transitions;
  view.time_in_state = state.time_in_state;
  view.time_in_state[static_cast<size_t>(state.state)] += std::max(now - state.since, Duration::zero());
  view.successes = state.successes;
  view.failures = state.failures;
  view.slow = state.slow_calls;
  view.ignored = state.ignored;
  view.not_permitted = state.not_permitted;
  return view;
}

void report_attempt(Permit& permit, const BreakerConfig& config, AttemptResult result, uint16_t status, Time now) {
  if (!permit.valid()) return;
  const bool response = result == AttemptResult::response;
  const bool failed = config.failures.matches(result, status);
  const Verdict verdict = failed ? Verdict::failure : response ? Verdict::success : Verdict::ignored;
  permit.report(verdict, now, response ? std::to_string(status) : to_string(result));
}

}  // namespace tidegate::policy
