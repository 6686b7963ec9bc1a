// Time as the whole of Tidegate speaks of it. These clocks have no now(): only net::Runtime reads one, everything
// else is handed the time, so that production code runs unchanged in simulated time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tidegate {

using namespace std::chrono_literals;

using Duration = std::chrono::nanoseconds;

// Monotonic; the origin has no meaning. Never stored, never sent.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Time = MonotonicClock::time_point;

// Nanoseconds since the Unix epoch, UTC. For what is stored, logged or shown.
struct WallClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};
using WallTime = WallClock::time_point;

// "2026-11-24T01:59:43.123Z": RFC 3339, UTC, milliseconds.
std::string to_rfc3339(WallTime time);

// Whole milliseconds, rounded up: a wait must never end early.
constexpr int64_t ceil_ms(Duration d) { return std::chrono::ceil<std::chrono::milliseconds>(d).count(); }

// Whole seconds, rounded up: for Retry-After.
constexpr int64_t ceil_seconds(Duration d) { return std::chrono::ceil<std::chrono::seconds>(d).count(); }

constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace tidegate
