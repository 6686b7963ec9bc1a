// Drives the breakers of a process on one loop (the main loop): makes the transitions that time alone makes, and
// announces every transition, each with a log line and a metric. One per Gateway.
//
//   an act on any worker ──change──▶ wake-up posted ┐
//                                                   ├──▶ take_transitions ──▶ log, metric ──▶ timer set for the next
//   timer ──▶ Breaker::advance ────────────────────┘              memory, for a restart       transition of any breaker
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/routing/breaker_memory.h"
#include "metrics/metrics.h"
#include "net/runtime.h"
#include "net/timer.h"
#include "net/wake_up.h"
#include "policy/breaker.h"

namespace tidegate::core {

class BreakerDriver {
 public:
  // All outlive the driver; the runtime outlives the breakers too.
  BreakerDriver(net::Runtime& runtime, metrics::Metrics& metrics, BreakerMemory& memory);
  ~BreakerDriver() { stop(); }
  BreakerDriver(const BreakerDriver&) = delete;
  BreakerDriver& operator=(const BreakerDriver&) = delete;

  // Drives a new breaker, before any act, for as long as it exists. One that is remembered under `key` as open is,
  // until stop_recalling(): what the process before left is not the state of a breaker that a reload makes.
  void add(const std::string& key, const std::shared_ptr<policy::Breaker>& breaker);
  void stop_recalling() { recalls_ = false; }
  // Other breakers take their places under their keys. What they do in the requests that still use them goes
  // unannounced.
  void drop(const std::vector<std::shared_ptr<policy::Breaker>>& breakers);
  // The end, while the breakers still exist: announces what they have queued. Later transitions go unannounced.
  void stop();

 private:
  struct Driven {
    std::string key;
    std::weak_ptr<policy::Breaker> breaker;
  };

  void drop_ended();
  void advance();
  void announce();
  void take_transitions();
  void announce_transition(const Driven& driven, const policy::Breaker& breaker, const policy::Transition& made);
  void set_timer();

  metrics::Metrics& metrics_;
  BreakerMemory& memory_;
  net::Runtime& runtime_;
  net::WakeUp wake_;
  std::vector<Driven> breakers_;
  net::Timer timer_;
  bool recalls_ = true;
};

}  // namespace tidegate::core
