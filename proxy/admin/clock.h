// Times of the event loop's clock, as operators read them.
#pragma once

#include <algorithm>
#include <string>

#include "base/time.h"
#include "net/runtime.h"

namespace tidegate::admin {

class Clock {
 public:
  explicit Clock(net::Runtime& runtime) : now_(runtime.now()), wall_(runtime.wall_now()) {}
  Time now() const { return now_; }
  WallTime wall_now() const { return wall_; }
  std::string show(Time time) const { return to_rfc3339(wall_ + (time - now_)); }
  int64_t seconds_until(Time time) const { return std::max<int64_t>(0, ceil_seconds(time - now_)); }

 private:
  Time now_;
  WallTime wall_;
};

}  // namespace tidegate::admin
