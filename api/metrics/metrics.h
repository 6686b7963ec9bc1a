// What the service counts, as Prometheus reads it; of the loop's thread. Labels are words of closed sets, each there
// from the start at 0; a word that is in none of them counts as `other`.
//
//   watermark_api_build_info{version,revision}
//   watermark_api_upload_seconds{outcome}            uploads, from their head to their answer
//   watermark_api_requests_total{endpoint,code}      answers begun: code 2xx, 3xx, 4xx, 5xx
//   watermark_api_cache_gets_total{result}           hit, miss
//   watermark_api_cache_errors_total                 what the cache could not do: each a miss, or not kept
//   watermark_api_store_operations_total{op,result}  put, get, exists, remove: ok, not_found, exhausted, unavailable,
//   failed watermark_api_store_operation_seconds{op} watermark_api_webhooks_total{result}             stored, failed,
//   ignored, unauthorized, bad_request, retry watermark_api_dependency_up{dependency}          as last asked, by /ready
//   or every 10 s watermark_api_flights, _picture_bytes, _cache_bytes, _connections
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "base/time.h"

namespace tidegate::api {

// A family whose one label takes fixed words.
template <typename T>
class ByWord {
 public:
  void add(std::string_view word, T& series) { series_.emplace(word, &series); }
  T& at(std::string_view word) const {
    const auto found = series_.find(word);
    return *(found != series_.end() ? found : series_.find("other"))->second;
  }

 private:
  std::map<std::string, T*, std::less<>> series_;
};

// What is known when it is asked for.
struct Gauges {
  size_t flights = 0;
  uint64_t picture_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t cache_errors = 0;  // since the start
  size_t connections = 0;
};

class Metrics {
 public:
  // `dependencies`: by the names of ready_check.h.
  explicit Metrics(const std::vector<std::string>& dependencies);

  void upload_ended(std::string_view outcome, Duration took);
  void answered(std::string_view path, uint16_t status);
  void cache_asked(bool hit) { cache_gets_.at(hit ? "hit" : "miss").Increment(); }
  void store_asked(std::string_view op, std::string_view result, Duration took);
  void webhook_ended(std::string_view result) { webhooks_.at(result).Increment(); }
  void dependency(const std::string& name, bool up);

  // The text exposition format, version 0.0.4.
  std::string render(const Gauges& gauges);

 private:
  using Counter = prometheus::Counter;

  prometheus::Registry registry_;
  ByWord<prometheus::Histogram> uploads_;
  std::map<std::string, ByWord<Counter>, std::less<>> requests_;  // by endpoint
  ByWord<Counter> cache_gets_;
  Counter& cache_errors_;
  std::map<std::string, ByWord<Counter>, std::less<>> store_operations_;  // by op
  ByWord<prometheus::Histogram> store_seconds_;
  ByWord<Counter> webhooks_;
  std::map<std::string, prometheus::Gauge*, std::less<>> dependencies_;
  prometheus::Gauge& flights_;
  prometheus::Gauge& picture_bytes_;
  prometheus::Gauge& cache_bytes_;
  prometheus::Gauge& connections_;
};

// "upload" of "/upload", "status" of "/status/KEY"; "other" of what the service does not know.
std::string_view endpoint_of(std::string_view path);

}  // namespace tidegate::api
