// Counts of finished calls over the last stretch of time, in buckets on a grid that begins when the window is started.
//
//   |  b  | b+1 | b+2 | … | b+n-1 |      each bucket spans window/n; when time moves on, the oldest are cleared
//
// With one bucket the caller restarts it when it has run out (gobreaker's fixed Interval); it never slides.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tidegate::policy {

struct CallCounts {
  int calls = 0;
  int failures = 0;
  int slow = 0;
};

class CallWindow {
 public:
  CallWindow(Duration length, int buckets);

  void restart(Time now);
  void slide(Time now);                              // drops what is older than the window
  void add(bool failed, bool slow);                  // into the newest bucket; REQUIRES slide(now) or restart before
  const CallCounts& counts() const { return sum_; }  // as of the last slide or restart
  CallCounts counts_at(Time now) const;  // as a slide to `now`, or a restart where it ran out, would leave them
  bool fixed() const { return buckets_.size() == 1; }
  bool ran_out(Time now) const { return start_ + length_ < now; }  // fixed: at the exact instant it still holds

 private:
  Duration length_;
  Duration span_;  // of one bucket
  std::vector<CallCounts> buckets_;
  CallCounts sum_;
  Time start_{};
  int64_t newest_ = 0;  // buckets since start_
};

}  // namespace tidegate::policy
