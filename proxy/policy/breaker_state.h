// The inside of a Breaker, under its lock: the state machine of breaker.h, step by step. Private to breaker.cc.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "policy/breaker.h"
#include "policy/window.h"

namespace tidegate::policy {

struct Breaker::State {
  State(const BreakerConfig& settings, Time made, uint64_t seed);

  // What time alone changes: an open breaker comes due, a fixed window runs out, a probe's lease or a force ends.
  void catch_up(Time now);
  std::optional<BreakerRefusal> refusal(Time now) const;
  void finished(Verdict verdict, bool slow, Time now, std::string_view why);
  void probe_succeeded(Time now);
  void move_to(BreakerState next, TransitionReason reason, std::string detail, Time now);
  void new_generation(Time now);
  void take_probe(uint64_t lease, Time now);
  bool drop_probe(uint64_t lease);
  Duration next_open_for();
  void trip_if_due(Time now);

  const BreakerConfig& config;
  std::mutex mutex;
  Random random;
  BreakerState state = BreakerState::closed;
  Time since;
  uint64_t generation = 0;
  CallWindow window;
  int consecutive_failures = 0;
  int failed_probes = 0;  // in a row: doubles open_for
  Duration open_for{};
  std::optional<Time> forced_until;

  struct Probe {
    uint64_t lease;
    Time deadline;
  };
  std::vector<Probe> probes;  // half-open: under way
  int probes_granted = 0;     // half-open: under way or succeeded
  int probes_succeeded = 0;
  uint64_t next_lease = 1;

  uint64_t transitions = 0;
  Transition last{};
  std::vector<Transition> unannounced;
  std::array<Duration, kBreakerStateCount> time_in_state{};
  uint64_t successes = 0, failures = 0, slow_calls = 0, ignored = 0, not_permitted = 0;
};

}  // namespace tidegate::policy
