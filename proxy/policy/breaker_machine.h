// The inside of a Breaker: the state machine that breaker.h draws, without locks or permits. Private to breaker.cc.
//
// Only advance(), finished() and force() move it; each transition is queued until it is taken, to be announced. What
// the const members say of a time takes into account the transition that time alone makes, though advance() may come
// late; only describe() is the state as it was last made.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "policy/breaker.h"
#include "policy/window.h"

namespace tidegate::policy {

// closed: counts verdicts.
struct ClosedState {
  CallWindow window;
  int consecutive_failures = 0;
};

// open: until open_for has run out since it opened.
struct OpenState {
  Duration open_for{};
};

// half_open: probes under way, and what they have come to.
class HalfOpenState {
 public:
  void start(uint64_t lease, Time deadline);
  bool end(uint64_t lease);  // false: it is not under way
  void grant_again() { --granted_; }
  int under_way() const { return static_cast<int>(under_way_.size()); }
  int granted() const { return granted_; }
  int count_success() { return ++succeeded_; }
  std::optional<Time> next_deadline() const;

 private:
  struct Probe {
    uint64_t lease;
    Time deadline;
  };
  std::vector<Probe> under_way_;
  int granted_ = 0;  // under way or succeeded
  int succeeded_ = 0;
};

// forced_open, forced_closed: none = until an operator changes it.
struct ForcedState {
  std::optional<Time> until;
};

class BreakerMachine {
 public:
  // `config` outlives the machine.
  BreakerMachine(const BreakerConfig& config, Time made, uint64_t seed);

  // Looks.
  BreakerState state() const { return state_; }
  uint64_t generation() const { return generation_; }
  uint64_t transitions() const { return transitions_; }
  BreakerState state_at(Time now) const;
  std::optional<Time> next_transition_at() const;
  std::optional<BreakerRefusal> refusal_at(Time now) const;
  std::optional<Time> half_open_since(Time now) const;
  void describe(BreakerView& view, Time now) const;

  // Acts. REQUIRES advance(now) before each of the others.
  void advance(Time now);
  void force(BreakerState forced, std::optional<Duration> duration, std::string why, Time now);
  void restore(const RememberedOpen& remembered, Time now);
  // A verdict on a call of this generation: a success or a failure.
  void finished(Verdict verdict, bool slow, Time now, std::string_view why);
  uint64_t start_probe(Time now);  // its lease
  bool end_probe(uint64_t lease) { return half_open_.end(lease); }
  void time_out_probe(Time now);
  QueuedTransitions take_transitions();
  void grant_probe_again() { half_open_.grant_again(); }

 private:
  void move_to(BreakerState next, TransitionReason reason, std::string detail, Time now, Duration open_for = {});
  void open(TransitionReason reason, std::string detail, Time now);
  void new_generation(Time now);
  void trip_if_due(Time now);
  Duration base_open_for(int failed_probes) const;
  Duration jittered_open_for();

  const BreakerConfig& config_;
  Random random_;
  BreakerState state_ = BreakerState::closed;
  Time since_;
  uint64_t generation_ = 0;
  ClosedState closed_;
  OpenState open_;
  HalfOpenState half_open_;
  ForcedState forced_;
  int failed_probes_ = 0;  // in a row: doubles open_for
  std::optional<Outage> outage_;
  uint64_t next_lease_ = 1;
  uint64_t transitions_ = 0;
  Transition last_{};
  std::deque<Transition> queued_;
  uint64_t dropped_ = 0;
  std::array<Duration, kBreakerStateCount> time_in_state_{};
};

}  // namespace tidegate::policy
