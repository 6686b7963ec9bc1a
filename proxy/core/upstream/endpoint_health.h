// The state of one endpoint (policy/endpoints/endpoint_state.h has the machine) as all threads use it: a look is an
// atomic, and an event that changes nothing takes no lock. Logs each transition, and counts ejections:
//
//   healthy ──▶ unavailable    upstream_endpoint_unavailable, at most once in ten seconds where it goes up and down
//        … ──▶ ejected         upstream_endpoint_ejected
//        … ──▶ unhealthy       upstream_endpoint_unhealthy
//   ejected ──▶ healthy or unavailable    upstream_endpoint_returned: whether it has recovered is not known yet
//        … ──▶ healthy         upstream_endpoint_recovered, where one of the first three was logged
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "metrics/metrics.h"
#include "policy/endpoints/endpoint_state.h"

namespace tidegate::core {

class EndpointHealth {
 public:
  // `metrics` outlives it. The configurations: none where the endpoint is not checked, is never ejected. `changed` is
  // called on any thread when the endpoint has gone out, or is in again.
  EndpointHealth(std::string upstream, std::string endpoint, metrics::EndpointMetrics& metrics,
                 const std::optional<policy::HealthCheckConfig>& check,
                 const std::optional<policy::EjectionConfig>& ejection, std::function<void()> changed)
      : upstream_(std::move(upstream)),
        endpoint_(std::move(endpoint)),
        metrics_(metrics),
        changed_(std::move(changed)),
        machine_(check, ejection) {}

  policy::EndpointState state() const { return state_.load(std::memory_order_relaxed); }
  policy::EndpointStateView view() const;

  // As those of the machine.
  void connect_failed(std::string_view reason, Time now);
  void reached(Time now);
  void check_succeeded(Time now);
  void check_failed(std::string_view reason, Time now);
  [[nodiscard]] bool call_failed(std::string_view reason, Time begun, Time now);
  void call_succeeded();
  void eject(Time now);  // where it is not out already
  void advance(Time now);

 private:
  template <typename Act>
  void act(Time now, const Act& act);
  void mirror();
  void announce(const policy::EndpointStateView& before, const policy::EndpointTransition& made, Time now);
  void announce_unavailable(std::string_view reason, Time now);
  void announce_recovered(const policy::EndpointStateView& before, const policy::EndpointTransition& made, Time now);

  const std::string upstream_;
  const std::string endpoint_;
  metrics::EndpointMetrics& metrics_;
  const std::function<void()> changed_;
  // Written under the lock, read without one.
  std::atomic<policy::EndpointState> state_{policy::EndpointState::healthy};
  std::atomic<bool> has_failed_connects_{false};
  std::atomic<bool> has_failed_calls_{false};

  mutable std::mutex mutex_;
  policy::EndpointMachine machine_;
  bool announced_ = false;  // as not healthy: the log is owed the recovery
  std::optional<Time> next_unavailable_line_at_;
};

}  // namespace tidegate::core
