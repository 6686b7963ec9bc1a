// Series of names that a reload makes before it is known whether its configuration comes into force: they are hidden
// until it does, and stay so where the reload is refused. They are not removed, as who counts on them may still.
// Private to metrics/. Thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "config/config.h"

namespace tidegate::metrics {

class HiddenSeries {
 public:
  // The names of the configuration that none in force has had: before their series are made.
  void hide_new(const config::Config& config);
  // That configuration is in force.
  void show_new();
  // Without those that are hidden.
  std::vector<prometheus::MetricFamily> visible(std::vector<prometheus::MetricFamily> families) const;

 private:
  struct InOrder {  // also of pairs of references
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return std::tie(a.first, a.second) < std::tie(b.first, b.second);
    }
  };
  using Names = std::set<std::pair<std::string, std::string>, InOrder>;  // label and name

  static Names names_of(const config::Config& config);
  bool hides(const prometheus::ClientMetric& series) const;

  mutable std::mutex mutex_;
  Names shown_;
  Names hidden_;
  Names new_;  // of them, those of the last hide_new()
};

}  // namespace tidegate::metrics
