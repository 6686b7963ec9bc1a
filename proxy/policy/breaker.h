// The circuit breaker. It opens by one of three triggers: failures in a row, the ratio of failures, or the ratio of
// slow calls, among those that finished in a window. Recorded decisions of sony/gobreaker, configured alike, are its
// test. Pure: `now` is an argument. Thread-safe (one small lock; exact across workers).
//
//              a trigger trips                        open_for has run out
//   closed ───────────────────────────▶ open ───────────────────────────────▶ half_open
//     ▲                                  ▲                                      │   │
//     │                                  └── a probe fails, or has no verdict ◀─┘   │
//     │                                      by half_open_timeout (open_for doubles)│
//     └────────────── half_open_requests probes have succeeded ◀────────────────────┘
//
//   forced_open, forced_closed: set by an operator, until it expires or is released (then closed, counts at zero).
//   A breaker that was open when the process before ended begins by restore(): closed ──▶ open.
//
// Acts may move the breaker: acquire(), a permit's verdict, force(), and advance(), which makes the transitions that
// time alone makes. Looks never do: peek(), half_open_since(), view(). The owner drives and announces it:
//
//   act ──▶ on_change, once the lock is free ──▶ the owner: take_transitions(), log and count them,
//                                                set a timer for next_transition_at() ──▶ advance()
//
// A timer that is late does no harm: every act advances first, and peek() and half_open_since() tell what an act would
// find. view() is the state as it was last made, and announced.
//
// A permit is a call's right to be made. It carries the generation (which every transition advances; with
// window_buckets 1 also every new window): a verdict that comes back to another generation does not count.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::policy {

struct SlowCallRule {
  Duration threshold = 8s;  // > 0: a call is slow if its upstream alone was waited for this long or longer
  double ratio = 0.8;       // (0, 1]
  friend bool operator==(const SlowCallRule&, const SlowCallRule&) = default;
};

struct BreakerConfig {
  int consecutive_failures = 5;  // 0 = this trigger is off
  double failure_ratio = 0.6;    // (0, 1]; 0 = off
  int min_requests = 10;         // calls finished in the window before a ratio counts
  Duration window = 10s;
  // 1 = gobreaker's fixed window; more: a sliding one, which consecutive failures outlive.
  int window_buckets = 10;
  std::optional<SlowCallRule> slow_call;
  Duration open_for = 30s;
  Duration open_for_max = 300s;  // >= open_for; equal: constant and unjittered
  int half_open_requests = 1;    // >= 1
  Duration half_open_timeout = 30s;
  Conditions failures = *Conditions::of({"connect_failure", "timeout", "reset", "5xx"});
  Mode mode = Mode::enforce;
  friend bool operator==(const BreakerConfig&, const BreakerConfig&) = default;
};

enum class BreakerState : uint8_t { closed, open, half_open, forced_open, forced_closed };
inline constexpr int kBreakerStateCount = 5;
const char* to_string(BreakerState state);

enum class Verdict : uint8_t { success, failure, ignored };

// Why the state changed; a label of the metric.
enum class TransitionReason : uint8_t {
  consecutive_failures,
  failure_ratio,
  slow_call_ratio,
  open_for_elapsed,
  probe_failed,
  probe_timed_out,
  probes_succeeded,
  restored,
  operator_forced,
  operator_released,
  force_expired,
};
const char* to_string(TransitionReason reason);

// The time from the first opening to the closing: failed probes prolong it. Forcing a breaker ends it.
struct Outage {
  Time since;
  std::string cause;  // the detail of the first transition to open
};

struct Transition {
  Time at;
  BreakerState from;
  BreakerState to;
  TransitionReason reason;
  Duration open_for{};    // when to == open: how long, jitter included
  int failed_probes = 0;  // in a row
  // "5 consecutive failures", "0.70 of 20 calls failed", "probe: timeout", or the operator's reason.
  std::string detail;
  std::optional<Outage> outage;  // that it begins, prolongs or ends
};

// An open breaker of the process before.
struct RememberedOpen {
  Duration left{};        // of open_for; >= 0
  int failed_probes = 0;  // in a row, >= 0
  std::string why;        // the detail of the transition
  Duration outage_age{};  // since the outage began; >= 0
  std::string cause;      // of the outage
};

// What a breaker has queued for its owner, in order.
struct QueuedTransitions {
  std::vector<Transition> kept;
  uint64_t dropped = 0;  // older than those: the owner did not take them in time
};

class Breaker;

// Move-only. Dropping it without a verdict gives a probe's slot back; otherwise the breaker ignores the call.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept;
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { drop(); }

  bool valid() const { return breaker_ != nullptr; }
  bool probe() const { return probe_; }
  // In shadow mode: the breaker would have refused.
  bool would_refuse() const { return would_refuse_; }
  // A probe that has no response headers by then has failed: its caller ends it, and reports that. None: not a probe,
  // or shadow mode, which ends nothing.
  std::optional<Time> probe_until() const;
  // REQUIRES valid(). `why` describes a failure ("timeout", "503"), for the transition's detail. `upstream_time`: how
  // long the upstream alone was waited for until its response headers, or in vain; by it the call is slow. A probe's
  // verdict that is not in time is a timeout.
  void report(Verdict verdict, Time now, std::string_view why = {}, Duration upstream_time = {});

 private:
  friend class Breaker;
  void drop();

  Breaker* breaker_ = nullptr;  // outlives the permit
  uint64_t generation_ = 0;
  uint64_t lease_ = 0;
  Time probe_until_{};
  bool probe_ = false;
  bool would_refuse_ = false;
};

struct BreakerRefusal {
  BreakerState state;
  Duration retry_after;  // until the next probe may go; 0 when half-open with all probe slots taken
};

// Everything an operator sees.
struct BreakerView {
  BreakerState state;
  Time since;
  std::optional<Time> next_probe_at;  // open
  std::optional<Time> forced_until;
  std::optional<Outage> outage;  // open, half open
  int consecutive_failures;
  int window_calls, window_failures, window_slow;
  int probes_in_flight;
  Transition last;  // valid when transitions > 0
  uint64_t transitions;
  // Cumulative, for metrics: seconds in each state; calls by result.
  std::array<Duration, kBreakerStateCount> time_in_state;
  uint64_t successes, failures, slow, ignored, not_permitted;
};

class Breaker {
 public:
  // `made` starts the clock of the first state and window. `seed` for jitter.
  Breaker(std::string name, const BreakerConfig& config, Time made, uint64_t seed);
  ~Breaker();

  struct Acquired {
    Permit permit;  // valid unless refused
    std::optional<BreakerRefusal> refused;
  };
  Acquired acquire(Time now);

  // state: forced_open, forced_closed, or closed for "auto". `duration`: none = until changed.
  void force(BreakerState state, std::optional<Duration> duration, std::string why, Time now);

  // Opens it as it was left, though not for longer than open_for: a restart may have been the remedy. REQUIRES a
  // breaker that has not been used.
  void restore(const RememberedOpen& remembered, Time now);

  // Makes the transition that time alone makes, if it is due. None is due before next_transition_at(); none at all
  // while that is empty.
  void advance(Time now);
  std::optional<Time> next_transition_at() const;
  // After half_open_timeout, for the caller of a probe to report it: only a caller that hangs itself takes longer.
  static constexpr Duration kProbeGrace = 1s;

  // Called after each act that has moved the breaker, or changed when time will; on the act's thread and outside the
  // lock. The owner should take the transitions, soon, and set its timer anew. Set before use.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }
  // Those since the last call. Of more than kQueuedTransitionsMax the oldest are dropped, and counted.
  QueuedTransitions take_transitions();
  static constexpr size_t kQueuedTransitionsMax = 1000;

  // Would acquire refuse right now? Takes nothing. For failing at once before waiting in a bulkhead, and for a replayer
  // that offers a queued job as the probe.
  std::optional<BreakerRefusal> peek(Time now) const;

  // Since when it has been half open; none in any other state, and in shadow mode.
  std::optional<Time> half_open_since(Time now) const;

  BreakerView view(Time now) const;
  uint64_t transitions() const;  // made so far
  const std::string& name() const { return name_; }
  const BreakerConfig& config() const { return config_; }

 private:
  friend class Permit;
  struct Guarded;  // breaker.cc
  template <typename Work>
  void act(const Work& work);
  void report(const Permit& permit, Verdict verdict, Time now, std::string_view why, Duration upstream_time);
  void give_back(const Permit& permit);

  const std::string name_;
  const BreakerConfig config_;
  std::function<void()> on_change_;
  std::unique_ptr<Guarded> guarded_;
};

}  // namespace tidegate::policy
