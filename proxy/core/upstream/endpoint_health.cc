#include "core/upstream/endpoint_health.h"

#include "base/log.h"
#include "base/log/throttle.h"

namespace tidegate::core {

void EndpointHealth::reached(Time now) {
  if (failed_connects_.load(std::memory_order_relaxed) == 0) return;  // the normal case costs no lock
  const std::lock_guard lock(mutex_);
  const uint64_t failed = failed_connects_.exchange(0, std::memory_order_relaxed);
  if (!announced_) return;
  announced_ = false;
  log_info("upstream_endpoint_recovered", {{"upstream", upstream_},
                                           {"endpoint", endpoint_},
                                           {"failed_connects", failed},
                                           {"unavailable_s", to_seconds(now - since_)}});
}

void EndpointHealth::connect_failed(std::string_view reason, Time now) {
  const std::lock_guard lock(mutex_);
  if (failed_connects_.fetch_add(1, std::memory_order_relaxed) == 0) since_ = now;
  last_failure_ = Failure{now, std::string(reason)};
  if (announced_ || (next_announcement_at_ && now < *next_announcement_at_)) return;
  announced_ = true;
  next_announcement_at_ = now + LogThrottle::kInterval;
  log_warn("upstream_endpoint_unavailable", {{"upstream", upstream_}, {"endpoint", endpoint_}, {"reason", reason}});
}

EndpointHealth::View EndpointHealth::view() const {
  const std::lock_guard lock(mutex_);
  const uint64_t failed = failed_connects_.load(std::memory_order_relaxed);
  return {failed, failed > 0 ? std::optional(since_) : std::nullopt, last_failure_};
}

}  // namespace tidegate::core
