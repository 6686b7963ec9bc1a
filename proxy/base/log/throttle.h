// For events that may come by the thousand a second: at most one line an interval, with how many there were. Not
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace tidegate {

class LogThrottle {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(10);

  // One event more. How many a line should report now; none: the line waits for the interval's end and the next event.
  std::optional<uint64_t> add(Time now, Duration interval = kInterval) {
    ++unreported_;
    if (next_at_ && now < *next_at_) return std::nullopt;
    next_at_ = now + interval;
    return std::exchange(unreported_, 0);
  }

 private:
  std::optional<Time> next_at_;
  uint64_t unreported_ = 0;
};

// One for each value of an enum with `kReasons` values: the line of one reason hides no other's.
template <typename Reason, size_t kReasons>
class LogThrottles {
 public:
  std::optional<uint64_t> add(Reason why, Time now, Duration interval = LogThrottle::kInterval) {
    return throttles_.at(static_cast<size_t>(why)).add(now, interval);
  }

 private:
  std::array<LogThrottle, kReasons> throttles_;
};

}  // namespace tidegate
