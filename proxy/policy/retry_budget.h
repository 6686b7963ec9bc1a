// The retry budget: over the last ten seconds, retries may be at most `ratio` of the first attempts, plus
// min_per_second (Finagle's and linkerd's rule). It bounds the storm that retries make of an outage. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/time.h"

namespace tidegate::policy {

struct RetryBudgetConfig {
  double ratio = 0.2;         // >= 0
  double min_per_second = 3;  // >= 0
  friend bool operator==(const RetryBudgetConfig&, const RetryBudgetConfig&) = default;
};

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetConfig& config) : config_(config) {}
  void first_attempt(Time now);
  bool try_retry(Time now);                // takes one, if there is one
  double remaining_ratio(Time now) const;  // [0, 1]: what is left of what would be allowed now
  const RetryBudgetConfig& config() const { return config_; }

 private:
  static constexpr int kSeconds = 10;
  struct Slot {
    int64_t second = -1;
    uint64_t firsts = 0, retries = 0;
  };
  struct Sums {
    double allowed = 0, used = 0;
  };
  Sums sums(int64_t second) const;

  RetryBudgetConfig config_;
  mutable std::mutex mutex_;
  std::array<Slot, kSeconds> slots_;
};

}  // namespace tidegate::policy
