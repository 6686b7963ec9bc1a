#include "policy/breaker_machine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace tidegate::policy {

void HalfOpenState::start(uint64_t lease, Time deadline) {
  under_way_.push_back({lease, deadline});
  ++granted_;
}

bool HalfOpenState::end(uint64_t lease) {
  return std::erase_if(under_way_, [&](const Probe& probe) { return probe.lease == lease; }) > 0;
}

std::optional<Time> HalfOpenState::next_deadline() const {
  const auto first = std::min_element(under_way_.begin(), under_way_.end(),
                                      [](const Probe& a, const Probe& b) { return a.deadline < b.deadline; });
  return first == under_way_.end() ? std::nullopt : std::optional(first->deadline);
}

BreakerMachine::BreakerMachine(const BreakerConfig& config, Time made, uint64_t seed)
    : config_(config), random_(seed), since_(made), closed_{CallWindow(config.window, config.window_buckets)} {
  closed_.window.restart(made);
}

// At the very instant at which open_for or a probe's lease ends, the state still holds; a force then has ended.
std::optional<Time> BreakerMachine::next_transition_at() const {
  switch (state_) {
    case BreakerState::closed: return std::nullopt;
    case BreakerState::open: return since_ + open_.open_for + 1ns;
    case BreakerState::half_open:
      if (const auto deadline = half_open_.next_deadline()) return *deadline + 1ns;
      return std::nullopt;
    case BreakerState::forced_open:
    case BreakerState::forced_closed: return forced_.until;
  }
  return std::nullopt;
}

BreakerState BreakerMachine::state_at(Time now) const {
  const auto due = next_transition_at();
  if (!due || now < *due) return state_;
  switch (state_) {
    case BreakerState::open: return BreakerState::half_open;
    case BreakerState::half_open: return BreakerState::open;
    default: return BreakerState::closed;
  }
}

void BreakerMachine::advance(Time now) {
  if (state_ == BreakerState::closed) {
    if (closed_.window.fixed() && closed_.window.ran_out(now)) new_generation(now);
    return closed_.window.slide(now);
  }
  const BreakerState due = state_at(now);
  if (due == state_) return;
  if (due == BreakerState::half_open) {
    return move_to(due, TransitionReason::open_for_elapsed,
                   fmt::format("open for {:.1f} s", to_seconds(open_.open_for)), now);
  }
  if (due == BreakerState::open) return time_out_probe(now);
  move_to(due, TransitionReason::force_expired, "the forced state has expired", now);
}

std::optional<BreakerRefusal> BreakerMachine::refusal_at(Time now) const {
  const BreakerState state = state_at(now);
  const bool late = state != state_;
  switch (state) {
    case BreakerState::closed:
    case BreakerState::forced_closed: return std::nullopt;
    case BreakerState::open: {
      const Duration left = late ? base_open_for(failed_probes_ + 1) : since_ + open_.open_for - now;
      return BreakerRefusal{state, std::max(left, Duration::zero())};
    }
    case BreakerState::half_open:
      if (late || half_open_.granted() < config_.half_open_requests) return std::nullopt;
      return BreakerRefusal{state, Duration::zero()};
    case BreakerState::forced_open:
      return BreakerRefusal{state, forced_.until ? *forced_.until - now : config_.open_for};
  }
  return std::nullopt;
}

std::optional<Time> BreakerMachine::half_open_since(Time now) const {
  if (state_at(now) != BreakerState::half_open) return std::nullopt;
  return state_ == BreakerState::half_open ? since_ : since_ + open_.open_for;
}

void BreakerMachine::finished(Verdict verdict, bool slow, Time now, std::string_view why) {
  const bool failed = verdict == Verdict::failure;
  if (state_ == BreakerState::half_open) {
    if (failed) {
      ++failed_probes_;
      return open(TransitionReason::probe_failed, fmt::format("probe: {}", why), now);
    }
    const int succeeded = half_open_.count_success();
    if (succeeded < config_.half_open_requests) return;
    return move_to(BreakerState::closed, TransitionReason::probes_succeeded, fmt::format("{} succeeded", succeeded),
                   now);
  }
  if (state_ != BreakerState::closed) return;
  closed_.window.add(failed, slow);
  closed_.consecutive_failures = failed ? closed_.consecutive_failures + 1 : 0;
  if (failed || slow) trip_if_due(now);
}

void BreakerMachine::trip_if_due(Time now) {
  if (config_.consecutive_failures > 0 && closed_.consecutive_failures >= config_.consecutive_failures) {
    return open(TransitionReason::consecutive_failures,
                fmt::format("{} consecutive failures", closed_.consecutive_failures), now);
  }
  const CallCounts& counts = closed_.window.counts();
  if (counts.calls == 0 || counts.calls < config_.min_requests) return;
  const double failed = static_cast<double>(counts.failures) / counts.calls;
  if (config_.failure_ratio > 0 && failed >= config_.failure_ratio) {
    return open(TransitionReason::failure_ratio, fmt::format("{:.2f} of {} calls failed", failed, counts.calls), now);
  }
  if (!config_.slow_call) return;
  const double slow = static_cast<double>(counts.slow) / counts.calls;
  if (slow >= config_.slow_call->ratio) {
    open(TransitionReason::slow_call_ratio, fmt::format("{:.2f} of {} calls were slow", slow, counts.calls), now);
  }
}

void BreakerMachine::force(BreakerState forced, std::optional<Duration> duration, std::string why, Time now) {
  const bool is_forced = state_ == BreakerState::forced_open || state_ == BreakerState::forced_closed;
  if (forced == BreakerState::closed) {
    if (is_forced) move_to(forced, TransitionReason::operator_released, std::move(why), now);
    return;
  }
  TG_ASSERT(forced == BreakerState::forced_open || forced == BreakerState::forced_closed);
  move_to(forced, TransitionReason::operator_forced, std::move(why), now);
  forced_.until = duration ? std::optional(now + *duration) : std::nullopt;
}

uint64_t BreakerMachine::start_probe(Time now) {
  half_open_.start(next_lease_, now + config_.half_open_timeout + Breaker::kProbeGrace);
  return next_lease_++;
}

void BreakerMachine::time_out_probe(Time now) {
  ++failed_probes_;
  open(TransitionReason::probe_timed_out,
       fmt::format("a probe had no verdict for {:.1f} s", to_seconds(config_.half_open_timeout)), now);
}

void BreakerMachine::restore(const RememberedOpen& remembered, Time now) {
  TG_ASSERT(transitions_ == 0);
  failed_probes_ = remembered.failed_probes;
  outage_ = Outage{now - remembered.outage_age, remembered.cause};
  move_to(BreakerState::open, TransitionReason::restored, remembered.why, now,
          std::min(remembered.left, config_.open_for));
}

void BreakerMachine::open(TransitionReason reason, std::string detail, Time now) {
  move_to(BreakerState::open, reason, std::move(detail), now, jittered_open_for());
}

// `open_for`: when next == open.
void BreakerMachine::move_to(BreakerState next, TransitionReason reason, std::string detail, Time now,
                             Duration open_for) {
  const Time at = std::max(now, since_);  // another thread's clock may have been a little ahead
  time_in_state_[static_cast<size_t>(state_)] += at - since_;
  if (next == BreakerState::closed) failed_probes_ = 0;  // by a probe or by an operator: open_for starts over
  open_.open_for = open_for;
  if (next == BreakerState::open && !outage_) outage_ = Outage{at, detail};
  last_ = {at, state_, next, reason, open_for, failed_probes_, std::move(detail), outage_};
  if (next != BreakerState::open && next != BreakerState::half_open) outage_.reset();
  ++transitions_;
  queued_.push_back(last_);
  if (queued_.size() > Breaker::kQueuedTransitionsMax) {
    queued_.pop_front();
    ++dropped_;
  }
  state_ = next;
  since_ = at;
  forced_.until.reset();
  new_generation(at);
}

QueuedTransitions BreakerMachine::take_transitions() {
  QueuedTransitions taken;
  taken.kept.assign(std::make_move_iterator(queued_.begin()), std::make_move_iterator(queued_.end()));
  taken.dropped = std::exchange(dropped_, 0);
  queued_.clear();
  return taken;
}

// Nothing that was counted counts any more, nor do verdicts on calls that began before.
void BreakerMachine::new_generation(Time now) {
  ++generation_;
  closed_.window.restart(now);
  closed_.consecutive_failures = 0;
  half_open_ = {};
}

// open_for, doubled for each probe that has failed in a row.
Duration BreakerMachine::base_open_for(int failed_probes) const {
  if (failed_probes == 0 || config_.open_for_max <= config_.open_for) return config_.open_for;
  Duration doubled = config_.open_for;
  for (int i = 0; i < failed_probes && doubled < config_.open_for_max; ++i) doubled *= 2;
  return std::min(doubled, config_.open_for_max);
}

// A tenth of jitter either way, so that many breakers do not probe in step; the first open_for, and a constant one, are
// exact. open_for_max is the longest that may come of it: where that cuts the range, the range moves down, so that
// breakers at their maximum are not in step either.
Duration BreakerMachine::jittered_open_for() {
  const Duration base = base_open_for(failed_probes_);
  if (failed_probes_ == 0 || config_.open_for_max <= config_.open_for) return base;
  const double jitter = 0.9 + 0.2 * random_.uniform();
  const auto longest = std::chrono::duration_cast<Duration>(config_.open_for_max / 1.1);
  return std::min(std::chrono::duration_cast<Duration>(std::min(base, longest) * jitter), config_.open_for_max);
}

void BreakerMachine::describe(BreakerView& view, Time now) const {
  view.state = state_;
  view.since = since_;
  if (state_ == BreakerState::open) view.next_probe_at = since_ + open_.open_for;
  view.forced_until = forced_.until;
  view.outage = outage_;
  const CallCounts counts = closed_.window.counts_at(now);
  view.window_calls = counts.calls;
  view.window_failures = counts.failures;
  view.window_slow = counts.slow;
  const bool new_window = closed_.window.fixed() && closed_.window.ran_out(now);
  view.consecutive_failures = new_window ? 0 : closed_.consecutive_failures;
  view.probes_in_flight = half_open_.under_way();
  view.last = last_;
  view.transitions = transitions_;
  view.time_in_state = time_in_state_;
  view.time_in_state[static_cast<size_t>(state_)] += std::max(now - since_, Duration::zero());
}

}  // namespace tidegate::policy
