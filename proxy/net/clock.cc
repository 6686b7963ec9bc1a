#include "net/clock.h"

namespace tidegate::net {

Time read_monotonic_clock() { return Time(std::chrono::steady_clock::now().time_since_epoch()); }

WallTime read_wall_clock() {
  return WallTime(std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace tidegate::net
