// The declarations of all metric families: name, type, HELP and labels, in one table (families.cc). Private to
// metrics/.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace tidegate::metrics {

using CounterFamily = prometheus::Family<prometheus::Counter>;
using GaugeFamily = prometheus::Family<prometheus::Gauge>;
using HistogramFamily = prometheus::Family<prometheus::Histogram>;

struct Families {
  explicit Families(prometheus::Registry& registry);

  GaugeFamily& build_info;                     // version, revision
  CounterFamily& http_requests;                // route, method, code, outcome
  HistogramFamily& http_request_duration;      // route, outcome
  GaugeFamily& http_requests_in_flight;        // route
  GaugeFamily& tunnels_open;                   // route
  HistogramFamily& upstream_request_duration;  // upstream, result
  GaugeFamily& upstream_connections;           // upstream, state
  GaugeFamily& upstream_pending;               // upstream
  GaugeFamily& upstream_endpoint_healthy;      // upstream, endpoint
  CounterFamily& upstream_checks;              // upstream, endpoint, result
  CounterFamily& upstream_ejections;           // upstream, endpoint
  CounterFamily& upstream_refused;             // upstream, reason
  CounterFamily& upstream_lookups;             // upstream, result
  CounterFamily& listener_refused;             // listener, reason
  CounterFamily& listener_tls_handshakes;      // listener, result
  GaugeFamily& tls_certificate_expiry;         // section, name
  GaugeFamily& breaker_state;                  // breaker, state: one-hot
  CounterFamily& breaker_transitions;          // breaker, from, to, reason
  CounterFamily& breaker_state_seconds;        // breaker, state
  CounterFamily& breaker_calls;                // breaker, result
  CounterFamily& ratelimit_decisions;          // route, decision
  GaugeFamily& ratelimit_tracked_clients;      // route
  GaugeFamily& bulkhead_in_use;                // bulkhead
  GaugeFamily& bulkhead_limit;
  GaugeFamily& bulkhead_waiting;
  CounterFamily& retries;                    // upstream, result
  GaugeFamily& retry_budget_remaining;       // upstream
  GaugeFamily& queue_depth;                  // queue, status
  GaugeFamily& queue_oldest_age;             // queue
  GaugeFamily& queue_bytes;                  // queue
  GaugeFamily& queue_max_jobs;               // queue
  GaugeFamily& queue_max_bytes;              // queue
  CounterFamily& queue_jobs;                 // queue, event
  CounterFamily& queue_refusals;             // queue, reason
  GaugeFamily& queue_missing;                // queue, what
  GaugeFamily& queue_store_unavailable;      // queue, reason
  HistogramFamily& queue_commit;             // queue
  CounterFamily& queue_checkpoints_blocked;  // queue
  GaugeFamily& dependency_up;                // dependency
  GaugeFamily& config_last_reload_successful;
  GaugeFamily& config_last_reload_timestamp;
  GaugeFamily& loop_lag;  // worker
  CounterFamily& log_lines_dropped;
  GaugeFamily& buffered_bytes;
  GaugeFamily& buffered_max_bytes;
};

// request_buckets: 1 ms to 60 s. commit_buckets: 100 µs to 2 s.
const prometheus::Histogram::BucketBoundaries& request_buckets();
const prometheus::Histogram::BucketBoundaries& commit_buckets();

// The process_* metrics as text, read from /proc.
std::string process_metrics();

}  // namespace tidegate::metrics
