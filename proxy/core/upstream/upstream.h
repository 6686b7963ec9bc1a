// An upstream as all workers share it: its endpoints, how busy each is, and how many connections there may be.
// Thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/upstream/connection_limit.h"
#include "metrics/metrics.h"

namespace tidegate::core {

class Upstream {
 public:
  // `metrics` outlives the upstream.
  Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics);

  // The endpoint for the next connection or request, by `balance`; one that has just refused a connection is passed
  // over for a second where another is to be had.
  size_t choose(Time now);
  void request_begun(size_t endpoint) { endpoints_[endpoint].requests.fetch_add(1, std::memory_order_relaxed); }
  void request_ended(size_t endpoint) { endpoints_[endpoint].requests.fetch_sub(1, std::memory_order_relaxed); }
  void connect_failed(size_t endpoint, Time now);
  void connected(size_t endpoint);

  const config::Upstream& config() const { return config_; }
  const config::Endpoint& endpoint(size_t index) const { return config_.endpoints[index]; }
  metrics::UpstreamMetrics& metrics() { return metrics_; }
  ConnectionLimit& connections() { return connections_; }

 private:
  struct EndpointState {
    std::atomic<int> requests{0};
    std::atomic<int64_t> avoid_until_ns{0};
  };

  const config::Upstream config_;
  metrics::UpstreamMetrics& metrics_;
  ConnectionLimit connections_;
  std::vector<EndpointState> endpoints_;
  std::atomic<size_t> next_{0};
};

}  // namespace tidegate::core
