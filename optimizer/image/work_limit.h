// Stops the work on a picture early: it was cancelled, or it takes too long. A small file can cost minutes of decoding
// that its header does not show.
#pragma once

#include <atomic>

#include "base/time.h"
#include "net/clock.h"

namespace tidegate::optimizer {

class WorkLimit {
 public:
  explicit WorkLimit(Duration time_max) : time_max_(time_max) {}

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }  // any thread

  // For the worker thread.
  void begin() { until_ = net::read_monotonic_clock() + time_max_; }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  bool reached() const { return cancelled() || net::read_monotonic_clock() >= until_; }

 private:
  const Duration time_max_;
  std::atomic<bool> cancelled_ = false;
  Time until_ = Time::max();
};

}  // namespace tidegate::optimizer
