// Says in the log that a queue refuses jobs, and why: at most one line a minute and reason, with the number of refusals
// since the line before. Workers' loops use it concurrently.
#pragma once

#include <mutex>
#include <string>

#include "base/log/throttle.h"
#include "jobs/refusal.h"

namespace tidegate::core {

class RefusalLog {
 public:
  static constexpr Duration kEvery = std::chrono::minutes(1);

  void refused(const std::string& queue, jobs::Refusal why, const std::string& detail, Time now);

 private:
  std::mutex mutex_;
  LogThrottles<jobs::Refusal, jobs::kRefusalCount> lines_;
};

}  // namespace tidegate::core
