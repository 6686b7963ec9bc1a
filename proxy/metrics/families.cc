#include "metrics/families.h"

namespace tidegate::metrics {

namespace {

CounterFamily& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(std::string("tidegate_") + name).Help(help).Register(registry);
}

GaugeFamily& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(std::string("tidegate_") + name).Help(help).Register(registry);
}

HistogramFamily& histogram(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(std::string("tidegate_") + name).Help(help).Register(registry);
}

}  // namespace

Families::Families(prometheus::Registry& r)
    : build_info(gauge(r, "build_info", "Always 1; the labels are the running version and revision")),
      http_requests(counter(r, "http_requests_total", "Finished requests by route, method, status code and outcome")),
      http_request_duration(
          histogram(r, "http_request_duration_seconds", "Seconds from the request headers to the end of the response")),
      http_requests_in_flight(gauge(r, "http_requests_in_flight", "Requests in progress")),
      tunnels_open(gauge(r, "tunnels_open", "Connections that have switched to another protocol, as WebSocket")),
      upstream_request_duration(
          histogram(r, "upstream_request_duration_seconds", "Seconds of one attempt at the upstream, by result")),
      upstream_connections(gauge(r, "upstream_connections", "Open connections to the upstream, idle or busy")),
      upstream_pending(gauge(r, "upstream_pending_requests", "Requests waiting for a connection to the upstream")),
      upstream_endpoint_healthy(gauge(
          r, "upstream_endpoint_healthy",
          "1: the endpoint is healthy; 0: it is unhealthy by its health checks, ejected, or the last connection to "
          "it has failed")),
      upstream_checks(counter(r, "upstream_health_checks_total", "Health checks of the endpoint, by result")),
      upstream_ejections(counter(r, "upstream_ejections_total", "Ejections of the endpoint for failed calls in a row")),
      upstream_refused(
          counter(r, "upstream_connections_refused_total", "Calls that got no connection to the upstream, by reason")),
      upstream_lookups(counter(r, "upstream_lookups_total", "Look-ups of the upstream's names, by result")),
      listener_refused(counter(r, "listener_connections_refused_total", "Clients disconnected on accept, by reason")),
      listener_tls_handshakes(counter(r, "listener_tls_handshakes_total", "TLS handshakes of clients, by result")),
      tls_certificate_expiry(gauge(r, "tls_certificate_expiry_timestamp_seconds",
                                   "Until when the certificate in use is valid, of a listener or towards an upstream")),
      breaker_state(gauge(r, "breaker_state", "1 for the current state of the breaker, 0 for the others")),
      breaker_transitions(counter(r, "breaker_transitions_total", "Breaker state transitions by reason")),
      breaker_state_seconds(counter(r, "breaker_state_seconds_total", "Seconds the breaker has spent in each state")),
      breaker_calls(counter(r, "breaker_calls_total", "Breaker calls by result")),
      ratelimit_decisions(counter(r, "ratelimit_decisions_total", "Rate limit decisions by result")),
      ratelimit_tracked_clients(gauge(r, "ratelimit_tracked_clients", "Rate limit keys tracked in memory")),
      bulkhead_in_use(gauge(r, "bulkhead_in_use", "Bulkhead slots in use")),
      bulkhead_limit(gauge(r, "bulkhead_limit", "Bulkhead slots in total")),
      bulkhead_waiting(gauge(r, "bulkhead_waiting", "Requests waiting for a bulkhead slot")),
      retries(
          counter(r, "retries_total", "Retries by result: done, or refused because the retry budget was exhausted")),
      retry_budget_remaining(
          gauge(r, "retry_budget_remaining_ratio", "Share of the retry budget that is left, 0 to 1")),
      queue_depth(gauge(r, "queue_depth", "Jobs in the queue by status")),
      queue_oldest_age(gauge(r, "queue_oldest_age_seconds", "Age of the oldest unfinished job")),
      queue_bytes(gauge(r, "queue_bytes", "Bytes of stored bodies and results")),
      queue_max_jobs(gauge(r, "queue_max_jobs", "Limit of unfinished jobs (max_jobs)")),
      queue_max_bytes(gauge(r, "queue_max_bytes", "Limit of stored bytes (max_bytes)")),
      queue_jobs(counter(r, "queue_jobs_total", "Job events by kind")),
      queue_refusals(counter(r, "queue_refusals_total", "Jobs that the queue has refused, by reason")),
      queue_missing(gauge(r, "queue_missing", "What was durable and was not found at an opening, since the start")),
      queue_store_unavailable(
          gauge(r, "queue_store_unavailable",
                "1 while a store of the queue (its own, its server, its spool) is unavailable, by reason")),
      queue_commit(histogram(r, "queue_commit_seconds", "Seconds per commit of the job store")),
      queue_checkpoints_blocked(
          counter(r, "queue_checkpoints_blocked_total",
                  "Checkpoints of the queue's SQLite files that another connection's read stopped")),
      dependency_up(gauge(r, "dependency_up", "1 if the dependency is available, else 0")),
      config_last_reload_successful(
          gauge(r, "config_last_reload_successful", "1 if the last configuration load succeeded, else 0")),
      config_last_reload_timestamp(gauge(r, "config_last_reload_success_timestamp_seconds",
                                         "Unix time of the last successful configuration load")),
      loop_lag(gauge(r, "loop_lag_seconds", "How late the worker's event loop runs its timers")),
      log_lines_dropped(
          counter(r, "log_lines_dropped_total", "Log lines that were not written, since the log's reader had stopped")),
      buffered_bytes(gauge(r, "buffered_bytes", "Memory of buffered and kept bodies")),
      buffered_max_bytes(gauge(r, "buffered_max_bytes", "Limit of that memory (limits.buffered)")) {}

const prometheus::Histogram::BucketBoundaries& request_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                                   0.5,   1,      2.5,   5,    10,    30,   60};
  return kBuckets;
}

const prometheus::Histogram::BucketBoundaries& commit_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                                   0.01,   0.025,   0.05,   0.1,   0.5,    2};
  return kBuckets;
}

}  // namespace tidegate::metrics
