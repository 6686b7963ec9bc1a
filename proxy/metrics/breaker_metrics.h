// The counters of the breakers of one name, of which there is one at a time. Private to metrics/.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "metrics/families.h"
#include "metrics/mirrored.h"
#include "policy/breaker.h"

namespace tidegate::metrics {

class BreakerMetricsImpl {
 public:
  // Makes every series at 0, of the transitions those that can happen without an operator. Any thread; what follows
  // belongs to the thread that renders.
  BreakerMetricsImpl(Families& families, const std::string& breaker);

  void transition(const policy::Transition& transition);
  void raise_totals(const policy::BreakerView& view);
  // The totals of another breaker begin at 0.
  void restart();

 private:
  static constexpr size_t kCallResults = 5;
  prometheus::Counter& transition_counter(policy::BreakerState from, policy::BreakerState to,
                                          policy::TransitionReason reason);

  Families& families_;
  const std::string breaker_;
  std::array<MirroredCounter, policy::kBreakerStateCount> seconds_;
  std::array<MirroredCounter, kCallResults> calls_;
};

}  // namespace tidegate::metrics
