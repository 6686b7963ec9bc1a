// How long a store may wait for a lock of another process: a time for each wait; once closing has begun, that time for
// all waits together, as each group of calls that was taken before would else wait for itself. Any thread.
#pragma once

#include <algorithm>
#include <atomic>

#include "base/time.h"

namespace tidegate::jobs {

class BusyWait {
 public:
  explicit BusyWait(Duration each) : each_(each) {}

  void begin_closing(Time now) { until_ = now + each_; }
  Duration left(Time now) const { return std::clamp(until_.load() - now, Duration::zero(), each_); }

 private:
  const Duration each_;
  std::atomic<Time> until_{Time::max()};
};

}  // namespace tidegate::jobs
