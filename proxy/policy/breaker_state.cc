#include "policy/breaker_state.h"

#include <algorithm>

#include <fmt/format.h>

namespace tidegate::policy {

Breaker::State::State(const BreakerConfig& settings, Time made, uint64_t seed)
    : config(settings), random(seed), since(made), window(settings.window, settings.window_buckets) {
  window.restart(made);
}

void Breaker::State::catch_up(Time now) {
  switch (state) {
    case BreakerState::closed:
      if (window.fixed() && window.ran_out(now)) new_generation(now);
      window.slide(now);
      return;
    case BreakerState::open:
      if (since + open_for < now) {
        move_to(BreakerState::half_open, TransitionReason::open_for_elapsed,
                fmt::format("open for {:.1f} s", to_seconds(open_for)), now);
      }
      return;
    case BreakerState::half_open: {
      const auto late = [&](const Probe& probe) { return probe.deadline < now; };
      if (!std::any_of(probes.begin(), probes.end(), late)) return;
      ++failed_probes;
      move_to(BreakerState::open, TransitionReason::probe_timed_out,
              fmt::format("a probe had no verdict for {:.1f} s", to_seconds(config.half_open_timeout)), now);
      return;
    }
    case BreakerState::forced_open:
    case BreakerState::forced_closed:
      if (forced_until && *forced_until <= now) {
        move_to(BreakerState::closed, TransitionReason::force_expired, "the operator's time is over", now);
      }
      return;
  }
}

std::optional<BreakerRefusal> Breaker::State::refusal(Time now) const {
  switch (state) {
    case BreakerState::closed:
    case BreakerState::forced_closed: return std::nullopt;
    case BreakerState::open: return BreakerRefusal{state, std::max(since + open_for - now, Duration::zero())};
    case BreakerState::half_open:
      if (probes_granted < config.half_open_requests) return std::nullopt;
      return BreakerRefusal{state, Duration::zero()};
    case BreakerState::forced_open:
      return BreakerRefusal{state, forced_until ? std::max(*forced_until - now, Duration::zero()) : config.open_for};
  }
  return std::nullopt;
}

// A verdict of this generation.
void Breaker::State::finished(Verdict verdict, bool slow, Time now, std::string_view why) {
  const bool failed = verdict == Verdict::failure;
  if (state == BreakerState::half_open) {
    if (!failed) return probe_succeeded(now);
    ++failed_probes;
    return move_to(BreakerState::open, TransitionReason::probe_failed, fmt::format("probe: {}", why), now);
  }
  if (state != BreakerState::closed) return;
  window.add(failed, slow);
  consecutive_failures = failed ? consecutive_failures + 1 : 0;
  if (failed || slow) trip_if_due(now);
}

void Breaker::State::probe_succeeded(Time now) {
  if (++probes_succeeded < config.half_open_requests) return;
  move_to(BreakerState::closed, TransitionReason::probes_succeeded, fmt::format("{} succeeded", probes_succeeded), now);
}

void Breaker::State::trip_if_due(Time now) {
  if (config.consecutive_failures > 0 && consecutive_failures >= config.consecutive_failures) {
    return move_to(BreakerState::open, TransitionReason::consecutive_failures,
                   fmt::format("{} consecutive failures", consecutive_failures), now);
  }
  const CallCounts& counts = window.counts();
  if (counts.calls == 0 || counts.calls < config.min_requests) return;
  const double failed = static_cast<double>(counts.failures) / counts.calls;
  if (config.failure_ratio > 0 && failed >= config.failure_ratio) {
    return move_to(BreakerState::open, TransitionReason::failure_ratio,
                   fmt::format("{:.2f} of {} calls failed", failed, counts.calls), now);
  }
  if (!config.slow_call) return;
  const double slow = static_cast<double>(counts.slow) / counts.calls;
  if (slow >= config.slow_call->ratio) {
    move_to(BreakerState::open, TransitionReason::slow_call_ratio,
            fmt::format("{:.2f} of {} calls were slow", slow, counts.calls), now);
  }
}

void Breaker::State::move_to(BreakerState next, TransitionReason reason, std::string detail, Time now) {
  const Time at = std::max(now, since);  // another thread's clock may have been a little ahead
  time_in_state[static_cast<size_t>(state)] += at - since;
  if (next == BreakerState::closed) failed_probes = 0;  // by a probe or by an operator: open_for begins anew
  if (next == BreakerState::open) open_for = next_open_for();
  last = {at, state, next, reason, next == BreakerState::open ? open_for : Duration::zero(), std::move(detail)};
  ++transitions;
  unannounced.push_back(last);
  state = next;
  since = at;
  if (next != BreakerState::forced_open && next != BreakerState::forced_closed) forced_until.reset();
  new_generation(at);
}

// All that was counted is forgotten; verdicts of calls begun before count for nothing.
void Breaker::State::new_generation(Time now) {
  ++generation;
  window.restart(now);
  consecutive_failures = 0;
  probes.clear();
  probes_granted = 0;
  probes_succeeded = 0;
}

void Breaker::State::take_probe(uint64_t lease, Time now) {
  probes.push_back({lease, now + config.half_open_timeout});
  ++probes_granted;
}

bool Breaker::State::drop_probe(uint64_t lease) {
  const auto found = std::find_if(probes.begin(), probes.end(), [&](const Probe& p) { return p.lease == lease; });
  if (found == probes.end()) return false;
  probes.erase(found);
  return true;
}

// open_for, doubled for each probe that has failed in a row, with a tenth of jitter either way, so that many breakers
// do not probe in step.
Duration Breaker::State::next_open_for() {
  if (failed_probes == 0 || config.open_for_max <= config.open_for) return config.open_for;
  Duration doubled = config.open_for;
  for (int i = 0; i < failed_probes && doubled < config.open_for_max; ++i) doubled *= 2;
  doubled = std::min(doubled, config.open_for_max);
  const double jitter = 0.9 + 0.2 * random.uniform();
  return std::chrono::duration_cast<Duration>(doubled * jitter);
}

}  // namespace tidegate::policy
