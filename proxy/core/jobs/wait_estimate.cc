#include "core/jobs/wait_estimate.h"

#include <algorithm>

namespace tidegate::core {

namespace {

constexpr Duration kUnknownPace = 1s;  // a job's time, before any has been run
constexpr Duration kLongest = 3600s;   // a client that is told more would not come back

}  // namespace

Duration wait_for_queue(const QueueState& queue, uint64_t position) {
  const jobs::Replayer* replayer = queue.replayer;
  const double rate = replayer ? replayer->drain_rate() : 0;
  const double each_s = rate > 0 ? 1 / rate : to_seconds(kUnknownPace);
  const double wait_s = std::min(each_s * static_cast<double>(position + 1), to_seconds(kLongest));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait_s));
}

Duration wait_for_job(const RouteState& route, uint64_t position, Time now) {
  Duration wait = wait_for_queue(*route.queue, position);
  if (route.policy.breaker) {
    if (const auto refusal = route.policy.breaker->peek(now)) wait += refusal->retry_after;
  }
  return std::min(wait, kLongest);
}

}  // namespace tidegate::core
