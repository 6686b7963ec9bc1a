// An upstream as all workers share it: its endpoints, which of them gets the next request, its last failure, and how
// many connections there may be. Thread-safe.
//
// A reload makes a new one where other endpoints, or another way to reach them, are configured. Its endpoints, where
// they stay, and the limit of its connections are shared by both.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/upstream/connection_limit.h"
#include "core/upstream/endpoint.h"
#include "core/upstream/failure_note.h"
#include "metrics/metrics.h"

namespace tidegate::core {

using Endpoints = std::vector<std::shared_ptr<Endpoint>>;

// What the choice of an endpoint must know of the request.
struct ChoiceFor {
  std::optional<size_t> failed_at = {};  // the endpoint at which it has failed before
  bool is_probe = false;                 // the breaker's
};

class Upstream final : private EndpointUser {
 public:
  // `metrics` outlives the upstream. `endpoints`: those of its configuration, in their order. `connections`: shared
  // with the upstream of before; null: its own.
  Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics, Endpoints endpoints,
           std::shared_ptr<ConnectionLimit> connections = nullptr);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Whether its endpoints are reached as this one's: policies and limits, which have objects of their own, are left
  // out.
  bool is_reached_as(const config::Upstream& other) const;

  // The endpoint for the next request, which is counted there from now on: policy/endpoints/endpoint_choice.h has the
  // order.
  CountedRequest choose(Time now, const ChoiceFor& request = {});
  // A request is sent to that endpoint without a choice.
  CountedRequest count_request(size_t endpoint);
  // It gets no requests: it is out, and another endpoint is not.
  bool is_passed_over(size_t endpoint) const;

  // A call that began then has failed by the fault of the endpoint; or one has succeeded.
  void call_failed(size_t endpoint, std::string_view reason, Time begun, Time now);
  void call_succeeded(size_t endpoint) { endpoints_[endpoint]->health().call_succeeded(); }

  // Of all attempts, the last that failed by the upstream's fault.
  FailureNote& failures() { return failures_; }
  const FailureNote& failures() const { return failures_; }
  // Null: no endpoint is https://.
  std::shared_ptr<net::TlsContext> tls() const;

  const config::Upstream& config() const { return config_; }
  const Endpoints& endpoints() const { return endpoints_; }
  Endpoint& endpoint(size_t index) const { return *endpoints_[index]; }
  metrics::UpstreamMetrics& metrics() { return metrics_; }
  ConnectionLimit& connections() { return *connections_; }

 private:
  void on_endpoint_changed() override { connections_->recheck_idle(); }
  policy::EndpointCandidate candidate(size_t index, Time now, const ChoiceFor& request) const;
  std::vector<policy::EndpointState> states() const;

  const config::Upstream config_;
  metrics::UpstreamMetrics& metrics_;
  const std::shared_ptr<ConnectionLimit> connections_;
  const Endpoints endpoints_;
  std::mutex ejection_mutex_;  // one decision at a time
  FailureNote failures_;
};

}  // namespace tidegate::core
