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
    : build_info(gauge(r, "build_info", "1, with the version and revision that run")),
      http_requests(counter(r, "http_requests_total", "Requests that have ended, by how")),
      http_request_duration(histogram(r, "http_request_duration_seconds", "From a request's head to its answer's end")),
      http_requests_in_flight(gauge(r, "http_requests_in_flight", "Requests that have not ended")),
      upstream_request_duration(
          histogram(r, "upstream_request_duration_seconds", "One try at the upstream, by its result")),
      upstream_connections(gauge(r, "upstream_connections", "Connections to the upstream")),
      breaker_state(gauge(r, "breaker_state", "1 for the state the breaker is in, 0 for the others")),
      breaker_transitions(counter(r, "breaker_transitions_total", "Changes of the breaker's state, by reason")),
      breaker_state_seconds(counter(r, "breaker_state_seconds_total", "Time spent in each state")),
      breaker_calls(counter(r, "breaker_calls_total", "Calls by what the breaker heard of them")),
      ratelimit_decisions(counter(r, "ratelimit_decisions_total", "Rate limit decisions")),
      ratelimit_tracked_clients(gauge(r, "ratelimit_tracked_clients", "Keys with a bucket")),
      bulkhead_in_use(gauge(r, "bulkhead_in_use", "Slots taken")),
      bulkhead_limit(gauge(r, "bulkhead_limit", "Slots there are")),
      bulkhead_waiting(gauge(r, "bulkhead_waiting", "Requests waiting for a slot")),
      retries(counter(r, "retries_total", "Retries done, and those the budget forbade")),
      retry_budget_remaining(gauge(r, "retry_budget_remaining_ratio", "What is left of the retry budget, 0 to 1")),
      queue_depth(gauge(r, "queue_depth", "Jobs by status")),
      queue_oldest_age(gauge(r, "queue_oldest_age_seconds", "Age of the oldest job that has not ended")),
      queue_bytes(gauge(r, "queue_bytes", "Bytes of bodies and results stored")),
      queue_max_jobs(gauge(r, "queue_max_jobs", "Jobs not ended that the queue may hold")),
      queue_max_bytes(gauge(r, "queue_max_bytes", "Bytes that the queue may hold")),
      queue_jobs(counter(r, "queue_jobs_total", "What has happened to jobs")),
      queue_commit(histogram(r, "queue_commit_seconds", "Time a commit took")),
      dependency_up(gauge(r, "dependency_up", "1 if the dependency answers")),
      config_last_reload_successful(gauge(r, "config_last_reload_successful", "1 if the last load was accepted")),
      config_last_reload_timestamp(
          gauge(r, "config_last_reload_success_timestamp_seconds", "When a configuration was last accepted")),
      loop_lag(gauge(r, "loop_lag_seconds", "How late the worker's loop runs its timers")) {}

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
