// The metrics of the service, for Prometheus. For the event loop's thread only. The values of each label are a fixed
// set whose series exist from the start; a value outside the set counts as `other`.
//
//   watermark_api_build_info{version,revision}
//   watermark_api_upload_seconds{outcome}              uploads, from the request headers to the response
//   watermark_api_requests_total{endpoint,code}        responses: code 2xx, 3xx, 4xx, 5xx
//   watermark_api_cache_gets_total{result}             hit, miss
//   watermark_api_cache_errors_total                   failed cache operations: each was a miss, or was not cached
//   watermark_api_store_operations_total{op,result}    put, get, exists, remove: ok, not_found, exhausted, unavailable,
//                                                      failed
//   watermark_api_store_operation_seconds{op}
//   watermark_api_store_breaker_state{state}           only with a circuit breaker, as the next two
//   watermark_api_store_breaker_transitions_total, _store_refused_total
//   watermark_api_webhooks_total{result}               stored, failed, ignored, unauthorized, bad_request, retry
//   watermark_api_dependency_up{dependency}            by the latest check: /ready, or every 10 s
//   watermark_api_log_lines_dropped_total              since the log's reader had stopped
//   watermark_api_flights, _picture_bytes, _cache_bytes, _connections
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "api/store/object_store.h"
#include "base/time.h"

namespace tidegate::api {

// The series of a family by the value of its one label.
template <typename T>
class SeriesByLabel {
 public:
  void add(std::string_view value, T& series) { series_.emplace(value, &series); }
  T& at(std::string_view value) const {
    const auto found = series_.find(value);
    return *(found != series_.end() ? found : series_.find("other"))->second;
  }

 private:
  std::map<std::string, T*, std::less<>> series_;
};

// What is read when the metrics are rendered.
struct Gauges {
  size_t flights = 0;
  uint64_t picture_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t cache_errors = 0;  // since the start
  size_t connections = 0;
  std::optional<StoreCircuit> store_circuit{};
};

class Metrics {
 public:
  // `endpoints`: the values of the label, with "other".
  explicit Metrics(const std::vector<std::string_view>& endpoints);

  // REQUIRES that the name is new.
  void add_dependency(const std::string& name);
  void set_dependency(const std::string& name, bool is_up);

  void upload_ended(std::string_view outcome, Duration took);
  void count_response(std::string_view endpoint, uint16_t status);
  void count_cache_get(bool hit) { cache_gets_.at(hit ? "hit" : "miss").Increment(); }
  void count_store_operation(std::string_view op, std::string_view result, Duration took);
  void count_webhook(std::string_view result) { webhooks_.at(result).Increment(); }

  // The text exposition format, version 0.0.4.
  std::string render(const Gauges& gauges);

 private:
  using Counter = prometheus::Counter;
  struct Circuit {
    std::map<policy::BreakerState, prometheus::Gauge*> states;
    Counter& transitions;
    Counter& refused;
  };

  void set_circuit(const StoreCircuit& circuit);

  prometheus::Registry registry_;
  SeriesByLabel<prometheus::Histogram> uploads_;
  std::map<std::string, SeriesByLabel<Counter>, std::less<>> requests_;  // by endpoint
  SeriesByLabel<Counter> cache_gets_;
  Counter& cache_errors_;
  Counter& log_lines_dropped_;
  std::map<std::string, SeriesByLabel<Counter>, std::less<>> store_operations_;  // by op
  SeriesByLabel<prometheus::Histogram> store_seconds_;
  SeriesByLabel<Counter> webhooks_;
  std::map<std::string, prometheus::Gauge*, std::less<>> dependencies_;
  std::optional<Circuit> circuit_;  // once the store has one
  prometheus::Gauge& flights_;
  prometheus::Gauge& picture_bytes_;
  prometheus::Gauge& cache_bytes_;
  prometheus::Gauge& connections_;
};

}  // namespace tidegate::api
