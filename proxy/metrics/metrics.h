// All metrics of Tidegate (names and labels: families.cc). Labels are configured names and closed sets, never text from
// clients. Callers get a reference once and count on it; nothing is looked up by name per request. Thread-safe.
//
// Counters are incremented where the event happens. Gauges that mirror state held elsewhere (breaker state, queue
// depth) are set by admin/ before /metrics is rendered.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/config.h"
#include "jobs/job.h"
#include "jobs/job_queue.h"
#include "jobs/refusal.h"
#include "net/connection_refusal.h"
#include "policy/breaker.h"
#include "policy/outcome.h"

namespace tidegate::metrics {

// Counts the requests of one route. The name "" is for requests that match no route.
class RouteMetrics {
 public:
  virtual ~RouteMetrics() = default;
  virtual void begun() = 0;  // in flight + 1
  // In flight - 1; counts http_requests_total and http_request_duration_seconds. `method`: as received; an unknown one
  // counts as _OTHER.
  virtual void ended(std::string_view method, uint16_t code, policy::Outcome outcome, Duration took) = 0;
  virtual void tunnels_changed(int by) = 0;                // tunnels_open
  virtual void rate_limit(bool allowed, bool shadow) = 0;  // ratelimit_decisions_total (allowed, limited, would_limit)
  virtual void would(policy::Outcome outcome) = 0;         // shadow decisions: outcome would_breaker_open, …
};

// Of health checks. not_made: Tidegate itself had no descriptor or port for it.
enum class CheckResult : uint8_t { success, failure, not_made };

class EndpointMetrics {
 public:
  virtual ~EndpointMetrics() = default;
  virtual void checked(CheckResult result) = 0;  // upstream_health_checks_total{result}
  virtual void ejected() = 0;                    // upstream_ejections_total
};

class UpstreamMetrics {
 public:
  virtual ~UpstreamMetrics() = default;
  // upstream_request_duration_seconds{result}: response, connect_failure, timeout, reset, bad_response, cancelled.
  virtual void attempt_ended(policy::AttemptResult result, Duration took) = 0;
  virtual void attempt_cancelled(Duration took) = 0;
  virtual void retry(bool allowed_by_budget) = 0;  // retries_total{result}: done, budget_exhausted
  // The changes since the last call; those of all workers add up.
  virtual void connections_changed(int idle, int busy) = 0;
  // A call got no connection: upstream_connections_refused_total{reason}.
  virtual void connection_refused(net::ConnectionRefusal why) = 0;
  // A look-up of one of its names has ended: upstream_lookups_total{result}.
  virtual void looked_up(bool found) = 0;
  // Of one of its endpoints; lives as long as this.
  virtual EndpointMetrics& endpoint(const std::string& endpoint) = 0;
};

class ListenerMetrics {
 public:
  virtual ~ListenerMetrics() = default;
  // A client was disconnected on accept: listener_connections_refused_total{reason}.
  virtual void connection_refused(net::ConnectionRefusal why) = 0;
  // A handshake has ended: listener_tls_handshakes_total{result}: complete, failed.
  virtual void tls_handshake(bool complete) = 0;
};

// By JobStatus.
using JobCounts = std::array<uint64_t, jobs::kJobStatusCount>;

class QueueMetrics {
 public:
  virtual ~QueueMetrics() = default;
  virtual void job_event(jobs::JobEvent event) = 0;
  virtual void refused(jobs::Refusal why) = 0;
  virtual void commit(Duration took) = 0;
  virtual void checkpoint_blocked() = 0;
};

class Metrics {
 public:
  // Creates every series of the configured names, at 0.
  static std::unique_ptr<Metrics> make(const config::Config& config, std::string_view version,
                                       std::string_view revision);
  virtual ~Metrics() = default;
  // A reload: makes the series of names that are new, at 0; counters of names that are gone stay. Any thread; slow.
  // hide_new() comes before it, and before other series of those names are made: they are rendered from show_new() on.
  virtual void add_configured(const config::Config& config) = 0;
  virtual void hide_new(const config::Config& config) = 0;
  virtual void show_new() = 0;

  // The references live as long as the Metrics.
  virtual RouteMetrics& route(const std::string& name) = 0;
  virtual UpstreamMetrics& upstream(const std::string& name) = 0;
  virtual QueueMetrics& queue(const std::string& name) = 0;
  virtual ListenerMetrics& listener(const std::string& name) = 0;

  virtual void breaker_transition(const std::string& breaker, const policy::Transition& transition) = 0;

  // Another breaker of that name is made, whose totals begin at 0. The one before ends first, with these.
  virtual void breaker_begins(const std::string& breaker) = 0;
  virtual void breaker_ends(const std::string& breaker, const policy::BreakerView& view) = 0;

  // The gauges that mirror state, before render().
  virtual void set_breaker(const std::string& breaker, const policy::BreakerView& view) = 0;
  virtual void set_bulkhead(const std::string& bulkhead, int in_use, int waiting, int limit) = 0;
  virtual void set_upstream_pending(const std::string& upstream, int waiting) = 0;
  virtual void set_endpoint_healthy(const std::string& upstream, const std::string& endpoint, bool healthy) = 0;
  // Until when the certificate of a listener, or ours towards an upstream, is valid. `section`: listener, upstream.
  virtual void set_certificate_expiry(const std::string& section, const std::string& name, WallTime at) = 0;
  virtual void set_tracked_clients(const std::string& route, size_t clients) = 0;
  virtual void set_retry_budget(const std::string& upstream, double remaining_ratio) = 0;
  virtual void set_queue(const std::string& queue, const JobCounts& depth_by_status, uint64_t bytes,
                         double oldest_age_s, bool available) = 0;
  virtual void set_queue_limits(const std::string& queue, uint64_t max_jobs, uint64_t max_bytes) = 0;
  // The stores of the queue (its own, its server, its spool) that are unavailable, by reason.
  virtual void set_unavailable_stores(const std::string& queue, const std::set<jobs::Refusal>& reasons) = 0;
  virtual void set_missing(const std::string& queue, const jobs::MissingWork& missing) = 0;
  virtual void set_dependency(const std::string& dependency, bool up) = 0;
  virtual void set_loop_lag(int worker, double seconds) = 0;
  virtual void set_buffered(uint64_t bytes, uint64_t limit) = 0;
  virtual void set_log_lines_dropped(uint64_t lines) = 0;
  // The gauges above that have not been set since the last call are of what is no longer configured: they go.
  virtual void drop_unset_gauges() = 0;
  virtual void set_config_loaded(bool successful, WallTime at) = 0;

  // The text exposition format (version 0.0.4), process_* included.
  virtual std::string render() = 0;
};

}  // namespace tidegate::metrics
