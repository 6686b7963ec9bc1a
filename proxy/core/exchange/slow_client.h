// Notices a client that is too slow for what is held for it: an upstream waits, with its slot and its connection, while
// the client moves less than limits.min_rate of a body. Only time in which the client is waited for counts.
//
//   watching ──each grace: fast enough, or not waited for during half of it──▶ watching
//       └── each grace: too slow ──▶ over
#pragma once

#include <cstdint>
#include <functional>

#include "config/config.h"
#include "net/timer.h"

namespace tidegate::core {

class SlowClient {
 public:
  // Since the watch began, or longer.
  struct Progress {
    uint64_t bytes;         // that the client has moved
    Duration waited;        // during which it was waited for
    bool is_behind = true;  // false: there is nothing for it to do now
  };

  // `too_slow` runs once, later; it may destroy this. The runtime outlives this. With a min_rate of 0 nothing happens.
  SlowClient(net::Runtime& runtime, const config::ListenerLimits& limits, std::function<Progress()> progress,
             std::function<void()> too_slow);

 private:
  void look();

  const uint64_t min_rate_;  // bytes a second
  const Duration grace_;
  const std::function<Progress()> progress_;
  const std::function<void()> too_slow_;
  Progress last_;
  net::Timer timer_;
};

}  // namespace tidegate::core
