// One endpoint of an upstream as the whole process shares it: where it is, how to connect to it, how busy and how
// healthy it is. It is found again by its name after a reload that does not change its settings (Policies), so two
// upstreams of one name, of the table before and of the one in force, may share it. Thread-safe.
//
// An endpoint is what the list of the upstream says. A name with several addresses is one endpoint: connections and
// health checks go round its addresses (net/names/), and it is as healthy as they are together.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "core/upstream/endpoint_health.h"
#include "metrics/metrics.h"
#include "net/names/name_watcher.h"
#include "net/tls/tls_context.h"

namespace tidegate::core {

// All that an endpoint depends on.
struct EndpointConfig {
  EndpointConfig(const config::Upstream& of, config::Endpoint to)
      : upstream(of.name),
        endpoint(std::move(to)),
        connect_timeout(of.connect_timeout),
        tls(of.tls),
        dns(of.dns),
        health_check(of.health_check),
        outlier_ejection(of.outlier_ejection) {}

  std::string upstream;
  config::Endpoint endpoint;
  Duration connect_timeout;
  net::TlsClientConfig tls;
  net::NameConfig dns;
  std::optional<policy::HealthCheckConfig> health_check;
  std::optional<policy::EjectionConfig> outlier_ejection;
  friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

// Who keeps connections to an endpoint, or ends its ejections.
class EndpointUser {
 public:
  // It has gone out, or is in again. On any thread; must only post.
  virtual void on_endpoint_changed() = 0;

 protected:
  ~EndpointUser() = default;
};

class Endpoint {
 public:
  // `metrics` outlives the endpoint. `names` looks it up if it is a name, from now on; on its loop. `tls`: null where
  // it is not https://.
  Endpoint(EndpointConfig config, metrics::UpstreamMetrics& metrics, net::NameWatcher& names,
           std::shared_ptr<net::TlsContext> tls = nullptr);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void join(EndpointUser& user);
  void leave(EndpointUser& user);

  // A connection to one of its addresses, within connect_timeout, with TLS, within handshake_timeout, where it is
  // https://: for calls and for health checks. Runtime and endpoint outlive it. Errors: as net::connect_name and
  // net::connect_tls.
  [[nodiscard]] std::unique_ptr<net::Operation> connect(net::Runtime& runtime, net::ConnectCallback done);
  // How long that may take.
  Duration connect_time_max() const {
    return config_.connect_timeout + (tls_ ? config_.tls.handshake_timeout : Duration::zero());
  }
  const std::shared_ptr<net::TlsContext>& tls() const { return tls_; }
  // Null: it is an address.
  net::WatchedName* name() const { return name_.get(); }
  // Changes when the name has other addresses.
  uint64_t addresses_version() const { return name_ ? name_->version() : 0; }

  // How busy it is. A request counts from the choice of its endpoint to its end.
  struct Load {
    uint32_t requests = 0;
    uint32_t turns = 0;  // policy/endpoints/endpoint_choice.h
    friend bool operator==(const Load&, const Load&) = default;
  };
  Load load() const { return load_.load(std::memory_order_relaxed); }
  // One request more, which takes a turn. False: the load was not `seen` any more, and nothing has changed.
  [[nodiscard]] bool try_begin_request(const Load& seen) {
    Load expected = seen;
    return load_.compare_exchange_strong(expected, {seen.requests + 1, seen.turns + 1}, std::memory_order_relaxed);
  }
  void begin_request();
  void end_request();
  // It has been passed over by one that had so many turns.
  void lose_turns(uint32_t turns);
  int idle() const { return idle_.load(std::memory_order_relaxed); }  // connections
  void idle_changed(int by) { idle_.fetch_add(by, std::memory_order_relaxed); }

  // A connect to it has failed within the last second.
  bool just_failed(Time now) const;
  // Passed over for a second, though it is not the endpoint that has failed.
  void avoid(Time now);

  // What has happened to it.
  void connect_failed(std::string_view reason, Time now);
  void connected(Time now);
  // It is not the next endpoint to connect to for that: one that stops may serve what is open, and no more.
  void responded(Time now) { health_.reached(now); }
  EndpointHealth& health() { return health_; }
  const EndpointHealth& health() const { return health_; }

  const EndpointConfig& config() const { return config_; }
  const std::string& authority() const { return config_.endpoint.authority; }
  metrics::EndpointMetrics& metrics() { return metrics_; }

 private:
  std::unique_ptr<net::Operation> connect_plainly(net::Runtime& runtime, net::ConnectCallback done);
  void notify_users();

  const EndpointConfig config_;
  metrics::EndpointMetrics& metrics_;
  EndpointHealth health_;
  const std::shared_ptr<net::WatchedName> name_;
  const std::shared_ptr<net::TlsContext> tls_;
  std::atomic<Load> load_{};
  std::atomic<int> idle_{0};
  std::atomic<int64_t> avoid_until_ns_{0};
  std::mutex users_mutex_;
  std::vector<EndpointUser*> users_;
};

// A request that is counted at its endpoint until this is destroyed.
class CountedRequest {
 public:
  CountedRequest() = default;  // none
  // REQUIRES that it has begun there. The endpoint outlives it.
  CountedRequest(size_t index, Endpoint& endpoint) : index_(index), endpoint_(&endpoint) {}
  CountedRequest(CountedRequest&& other) noexcept
      : index_(other.index_), endpoint_(std::exchange(other.endpoint_, nullptr)) {}
  CountedRequest& operator=(CountedRequest&& other) noexcept {
    if (this == &other) return *this;
    end();
    index_ = other.index_;
    endpoint_ = std::exchange(other.endpoint_, nullptr);
    return *this;
  }
  ~CountedRequest() { end(); }

  size_t index() const { return index_; }  // of the endpoint, in its upstream
  Endpoint& endpoint() const { return *endpoint_; }

 private:
  void end() {
    if (endpoint_) endpoint_->end_request();
  }

  size_t index_ = 0;
  Endpoint* endpoint_ = nullptr;
};

}  // namespace tidegate::core
