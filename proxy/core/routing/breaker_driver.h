// Drives the breakers of a process on one loop (the main loop): makes the transitions that time alone makes, and
// announces every transition, each with a log line and a metric. One per Gateway.
//
//   an act on any worker ──change──▶ wake-up posted ┐
//                                                   ├──▶ take_transitions ──▶ log, metric ──▶ timer set for the next
//   timer ──▶ Breaker::advance ────────────────────┘                                         transition of any breaker
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "metrics/metrics.h"
#include "net/runtime.h"
#include "net/timer.h"
#include "policy/breaker.h"

namespace tidegate::core {

class BreakerDriver {
 public:
  // Both outlive the driver; the runtime outlives the breakers too.
  BreakerDriver(net::Runtime& runtime, metrics::Metrics& metrics);
  ~BreakerDriver() { stop(); }
  BreakerDriver(const BreakerDriver&) = delete;
  BreakerDriver& operator=(const BreakerDriver&) = delete;

  // Drives a new breaker, before any act, for as long as it exists.
  void add(const std::shared_ptr<policy::Breaker>& breaker);
  // The end, while the breakers still exist: announces what they have queued. Later transitions go unannounced.
  void stop();

 private:
  struct Wake;  // what the breakers hold

  void advance();
  void announce();
  void take_transitions();
  void set_timer();

  metrics::Metrics& metrics_;
  net::Runtime& runtime_;
  std::shared_ptr<Wake> wake_;
  std::vector<std::weak_ptr<policy::Breaker>> breakers_;
  net::Timer timer_;
};

}  // namespace tidegate::core
