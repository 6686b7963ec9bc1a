#include "core/routing/refusal_log.h"

#include <utility>

#include "base/log.h"

namespace tidegate::core {

void RefusalLog::refused(const std::string& queue, jobs::Refusal why, const std::string& detail, Time now) {
  uint64_t refused = 0;
  {
    const std::lock_guard lock(mutex_);
    Line& line = lines_[static_cast<size_t>(why)];
    ++line.refused;
    if (line.last && now - *line.last < kEvery) return;
    line.last = now;
    refused = std::exchange(line.refused, 0);
  }
  log_warn("queue_refuses_jobs",
           {{"queue", queue}, {"reason", to_string(why)}, {"detail", detail}, {"refused", refused}});
}

}  // namespace tidegate::core
