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

// Counters of totals that are counted elsewhere, by an object that a reload may replace.
class MirroredCounters {
 public:
  void raise_to(prometheus::Counter& counter, double total) {
    double& last = last_[&counter];
    if (total > last) counter.Increment(total - last);
    last = total;
  }

  // What is counted for it begins at 0 again.
  void restart(prometheus::Counter& counter) { last_.erase(&counter); }

 private:
  std::unordered_map<prometheus::Counter*, double> last_;
};

}  // namespace tidegate::metrics
