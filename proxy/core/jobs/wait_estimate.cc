#include "core/jobs/wait_estimate.h"

#include <algorithm>

namespace tidegate::core {

namespace {

constexpr Duration kUnknownJobTime = 1s;  // before any job has been run
constexpr Duration kWaitMax = 3600s;      // a client would not come back after more

}  // namespace

Duration wait_for_queue(const QueueState& queue, uint64_t position) {
  const jobs::Replayer* replayer = queue.replayer;
  const double rate = replayer ? replayer->drain_rate() : 0;
  const double each_s = rate > 0 ? 1 / rate : to_seconds(kUnknownJobTime);
  const double wait_s = std::min(each_s * static_cast<double>(position + 1), to_seconds(kWaitMax));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait_s));
}

Duration wait_for_job(const RouteState& route, uint64_t position, Time now) {
  Duration wait = wait_for_queue(*route.queue, position);
  if (route.policy.breaker) {
    if (const auto refusal = route.policy.breaker->peek(now)) wait += refusal->retry_after;
  }
  return std::min(wait, kWaitMax);
}

}  // namespace tidegate::core
