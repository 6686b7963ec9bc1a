// An upstream as all workers share it: its endpoints and their addresses, how busy and how healthy each is, its last
// failure, and how many connections there may be. Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/upstream/connection_limit.h"
#include "core/upstream/endpoint_health.h"
#include "core/upstream/failure_note.h"
#include "metrics/metrics.h"
#include "net/names/name_watcher.h"
#include "net/tls/tls_context.h"

namespace tidegate::core {

// One endpoint, as operators see it.
struct EndpointView {
  std::string_view authority;  // of the upstream's configuration
  int idle, busy;              // connections
  EndpointHealth::View health;
};

class Upstream {
 public:
  // `metrics` outlives the upstream. `names` looks up the endpoints that are names, from now on; on its loop.
  Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics, net::NameWatcher& names);

  // The endpoint for the next connection or request, by `balance`; one to which a connection has just failed is passed
  // over for a second where another is to be had.
  size_t choose(Time now);
  void request_begun(size_t endpoint) { endpoints_[endpoint].requests.fetch_add(1, std::memory_order_relaxed); }
  void request_ended(size_t endpoint) { endpoints_[endpoint].requests.fetch_sub(1, std::memory_order_relaxed); }
  void idle_changed(size_t endpoint, int by) { endpoints_[endpoint].idle.fetch_add(by, std::memory_order_relaxed); }
  // Passed over by choose() for a second, though it is not the endpoint that has failed.
  void avoid(size_t endpoint, Time now);
  void connect_failed(size_t endpoint, std::string_view reason, Time now);
  void connected(size_t endpoint, Time now);
  // It is not the next endpoint to connect to for that: one that stops may serve what is open, and no more.
  void responded(size_t endpoint, Time now) { endpoints_[endpoint].health.reached(now); }

  // Of all attempts, the last that failed by the upstream's fault.
  FailureNote& failures() { return failures_; }
  const FailureNote& failures() const { return failures_; }
  std::vector<EndpointView> endpoint_views() const;

  // A connection to one of the endpoint's addresses, within connect_timeout, with TLS, within handshake_timeout, where
  // the endpoint is https://. The runtime outlives it. Errors: as net::connect_name and net::connect_tls.
  [[nodiscard]] std::unique_ptr<net::Operation> connect(net::Runtime& runtime, size_t endpoint,
                                                        net::ConnectCallback done);
  // How long that may take.
  Duration connect_time_max(size_t endpoint) const;
  // Null: no endpoint is https://.
  const std::shared_ptr<net::TlsContext>& tls() const { return tls_; }
  // The endpoint's name; null: it is an address.
  net::WatchedName* name(size_t endpoint) const { return names_[endpoint].get(); }
  // Changes when the name of the endpoint has other addresses.
  uint64_t addresses_version(size_t endpoint) const { return names_[endpoint] ? names_[endpoint]->version() : 0; }

  const config::Upstream& config() const { return config_; }
  const config::Endpoint& endpoint(size_t index) const { return config_.endpoints[index]; }
  metrics::UpstreamMetrics& metrics() { return metrics_; }
  ConnectionLimit& connections() { return connections_; }

 private:
  struct EndpointState {
    EndpointState(const std::string& upstream, const std::string& authority) : health(upstream, authority) {}

    std::atomic<int> requests{0};  // each has a connection
    std::atomic<int> idle{0};      // connections
    std::atomic<int64_t> avoid_until_ns{0};
    EndpointHealth health;
  };

  std::unique_ptr<net::Operation> connect_plainly(net::Runtime& runtime, const config::Endpoint& to,
                                                  net::WatchedName* name, net::ConnectCallback done) const;

  const config::Upstream config_;
  metrics::UpstreamMetrics& metrics_;
  std::shared_ptr<net::TlsContext> tls_;
  ConnectionLimit connections_;
  std::deque<EndpointState> endpoints_;
  std::vector<std::shared_ptr<net::WatchedName>> names_;  // of the endpoints, in their order
  std::atomic<size_t> next_{0};
  FailureNote failures_;
};

}  // namespace tidegate::core
