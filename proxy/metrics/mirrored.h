// Series that mirror state held elsewhere. Private to metrics/; used by the thread that renders, the gauges also by one
// that makes the series of a configuration.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "metrics/families.h"

namespace tidegate::metrics {

using Labels = std::map<std::string, std::string>;

// Gauges of configured things. After a reload, those of what is no longer configured are not set any more, and go: an
// open breaker that was removed would be open for ever.
class MirroredGauges {
 public:
  void set(GaugeFamily& family, const Labels& labels, double value) {
    const std::lock_guard lock(mutex_);
    prometheus::Gauge& gauge = family.Add(labels);
    gauge.Set(value);
    set_[&gauge] = &family;
  }

  // Removes those that have not been set since the last call.
  void drop_unset() {
    const std::lock_guard lock(mutex_);
    for (const auto& [gauge, family] : known_) {
      if (!set_.contains(gauge)) family->Remove(gauge);
    }
    known_ = std::exchange(set_, {});
  }

 private:
  using Gauges = std::unordered_map<prometheus::Gauge*, GaugeFamily*>;
  std::mutex mutex_;
  Gauges known_;
  Gauges set_;  // since the last drop_unset()
};

// A counter of a total that is counted elsewhere, by an object that a reload may replace.
class MirroredCounter {
 public:
  MirroredCounter() = default;  // REQUIRES mirror() before use
  explicit MirroredCounter(prometheus::Counter& counter) : counter_(&counter) {}
  void mirror(prometheus::Counter& counter) { counter_ = &counter; }

  void raise_to(double total) {
    if (total > last_) counter_->Increment(total - last_);
    last_ = total;
  }

  // What is counted begins at 0 again.
  void restart() { last_ = 0; }

 private:
  prometheus::Counter* counter_ = nullptr;
  double last_ = 0;
};

}  // namespace tidegate::metrics
