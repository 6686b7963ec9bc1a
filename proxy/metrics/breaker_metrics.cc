#include "metrics/breaker_metrics.h"

namespace tidegate::metrics {

using policy::BreakerState;
using policy::TransitionReason;

namespace {

constexpr const char* kCallWords[] = {"success", "failure", "slow", "ignored", "not_permitted"};

}  // namespace

BreakerMetricsImpl::BreakerMetricsImpl(Families& families, const std::string& breaker)
    : families_(families), breaker_(breaker) {
  using S = BreakerState;
  using R = TransitionReason;
  for (size_t i = 0; i < seconds_.size(); ++i) {
    const char* state = to_string(static_cast<S>(i));
    seconds_[i].mirror(families.breaker_state_seconds.Add({{"breaker", breaker}, {"state", state}}));
  }
  for (size_t i = 0; i < calls_.size(); ++i) {
    calls_[i].mirror(families.breaker_calls.Add({{"breaker", breaker}, {"result", kCallWords[i]}}));
  }
  for (const R reason : {R::consecutive_failures, R::failure_ratio, R::slow_call_ratio, R::restored}) {
    transition_counter(S::closed, S::open, reason);
  }
  transition_counter(S::open, S::half_open, R::open_for_elapsed);
  transition_counter(S::half_open, S::open, R::probe_failed);
  transition_counter(S::half_open, S::open, R::probe_timed_out);
  transition_counter(S::half_open, S::closed, R::probes_succeeded);
}

prometheus::Counter& BreakerMetricsImpl::transition_counter(BreakerState from, BreakerState to,
                                                            TransitionReason reason) {
  return families_.breaker_transitions.Add(
      {{"breaker", breaker_}, {"from", to_string(from)}, {"to", to_string(to)}, {"reason", to_string(reason)}});
}

void BreakerMetricsImpl::transition(const policy::Transition& transition) {
  transition_counter(transition.from, transition.to, transition.reason).Increment();
}

void BreakerMetricsImpl::raise_totals(const policy::BreakerView& view) {
  for (size_t i = 0; i < seconds_.size(); ++i) seconds_[i].raise_to(to_seconds(view.time_in_state[i]));
  const uint64_t totals[] = {view.successes, view.failures, view.slow, view.ignored, view.not_permitted};
  for (size_t i = 0; i < calls_.size(); ++i) calls_[i].raise_to(static_cast<double>(totals[i]));
}

void BreakerMetricsImpl::restart() {
  for (MirroredCounter& each : seconds_) each.restart();
  for (MirroredCounter& each : calls_) each.restart();
}

}  // namespace tidegate::metrics
