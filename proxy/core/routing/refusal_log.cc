#include "core/routing/refusal_log.h"

#include <optional>

#include "base/log.h"

namespace tidegate::core {

void RefusalLog::refused(const std::string& queue, jobs::Refusal why, const std::string& detail, Time now) {
  std::optional<uint64_t> refused;
  {
    const std::lock_guard lock(mutex_);
    refused = lines_.add(why, now, kEvery);
  }
  if (!refused) return;
  log_warn("queue_refuses_jobs",
           {{"queue", queue}, {"reason", to_string(why)}, {"detail", detail}, {"refused", *refused}});
}

}  // namespace tidegate::core
