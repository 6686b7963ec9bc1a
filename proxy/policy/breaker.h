// The circuit breaker. Opens on EITHER trigger (consecutive failures, or a ratio over the calls finished in a window;
// also a ratio of slow calls), as sony/gobreaker's ReadyToTrip of the watermark course does; recorded decisions of
// gobreaker are its test. Pure: `now` is an argument. Thread-safe (one small lock; exact across workers).
//
//              a trigger trips                        open_for has run out
//   closed ───────────────────────────▶ open ───────────────────────────────▶ half_open
//     ▲                                  ▲                                      │   │
//     │                                  └── a probe fails, or has no verdict ◀─┘   │
//     │                                      by half_open_timeout (open_for doubles)│
//     └────────────── half_open_requests probes have succeeded ◀────────────────────┘
//
//   forced_open, forced_closed: an operator's word, until it runs out or is taken back (then closed, counts at zero).
//
// A permit is a call's right to be made. It carries the generation (which every transition advances; with
// window_buckets 1 also every new window): a verdict that comes back to another generation counts for nothing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::policy {

struct SlowCallRule {
  Duration threshold = 8s;  // > 0: a call that took this long or longer is slow
  double ratio = 0.8;       // (0, 1]
  friend bool operator==(const SlowCallRule&, const SlowCallRule&) = default;
};

struct BreakerConfig {
  int consecutive_failures = 5;  // 0 = this trigger is off
  double failure_ratio = 0.6;    // (0, 1]; 0 = off
  int min_requests = 10;         // calls finished in the window before a ratio counts
  Duration window = 10s;
  int window_buckets =
      10;  // 1..: 1 = gobreaker's fixed window; else a sliding one, and consecutive failures outlive it
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
  operator_forced,
  operator_released,
  force_expired,
};
inline constexpr int kTransitionReasonCount = 10;
const char* to_string(TransitionReason reason);

struct Transition {
  Time at;
  BreakerState from;
  BreakerState to;
  TransitionReason reason;
  Duration open_for{};  // when to == open: how long, jitter included
  std::string
      detail;  // "5 consecutive failures", "0.70 of 20 calls failed", "probe: timeout after 10 s", operator's why
};

class Breaker;

// Move-only. Dropping it without a verdict gives the (probe) place back and tells the breaker nothing.
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
  // REQUIRES valid(). `why` describes a failure ("timeout", "503"), for the transition's detail.
  void report(Verdict verdict, Time now, std::string_view why = {});

 private:
  friend class Breaker;
  void drop();

  Breaker* breaker_ = nullptr;  // outlives the permit
  uint64_t generation_ = 0;
  uint64_t lease_ = 0;
  Time begun_{};
  bool probe_ = false;
  bool would_refuse_ = false;
};

struct BreakerRefusal {
  BreakerState state;
  Duration retry_after;  // until the next probe may go; 0 when half-open with all probe places taken
};

// Everything an operator sees.
struct BreakerView {
  BreakerState state;
  Time since;
  std::optional<Time> next_probe_at;  // open
  std::optional<Time> forced_until;
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

  // Called once per transition, after the lock is released, on the thread that caused it. Set before use.
  void on_transition(std::function<void(const Breaker&, const Transition&)> observer);

  struct Acquired {
    Permit permit;  // valid unless refused
    std::optional<BreakerRefusal> refused;
  };
  Acquired acquire(Time now);

  // Would acquire refuse right now? Takes nothing. For failing at once before waiting in a bulkhead, and for a replayer
  // that offers a queued job as the probe.
  std::optional<BreakerRefusal> peek(Time now);

  // Since when it has been half open; none in any other state, and in shadow mode.
  std::optional<Time> half_open_since(Time now);

  // state: forced_open, forced_closed, or closed for "auto". `duration`: none = until changed.
  void force(BreakerState state, std::optional<Duration> duration, std::string why, Time now);

  BreakerView view(Time now);
  const std::string& name() const { return name_; }
  const BreakerConfig& config() const { return config_; }

 private:
  friend class Permit;
  struct State;    // breaker_state.h
  struct Session;  // breaker.cc
  void report(const Permit& permit, Verdict verdict, Time now, std::string_view why);
  void give_back(const Permit& permit);

  std::string name_;
  BreakerConfig config_;
  std::function<void(const Breaker&, const Transition&)> observer_;
  std::unique_ptr<State, void (*)(State*)> state_;
};

// Reports what a try came to, judged by the breaker's own `failures` list: a matching failure or status is a failure,
// any other answer a success, any other failure is ignored. An invalid permit (no breaker) is left alone.
void report_attempt(Permit& permit, const BreakerConfig& config, AttemptResult result, uint16_t status, Time now);

}  // namespace tidegate::policy
