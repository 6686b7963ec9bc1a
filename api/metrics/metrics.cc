#include "api/metrics/metrics.h"

#include <algorithm>

#include <prometheus/text_serializer.h>

#include "base/log/output.h"

namespace tidegate::api {

namespace {

using Values = std::vector<std::string_view>;
using policy::BreakerState;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Values kOutcomes{"hit",
                       "miss",
                       "queued",
                       "rate_limited",
                       "refused",
                       "unavailable",
                       "failed",
                       "bad_request",
                       "body_too_large",
                       "unsupported_media_type",
                       "client_timeout",
                       "client_closed",
                       "busy",
                       "store_unavailable",
                       "tidegate_unavailable",
                       "connect_failure",
                       "bad_upstream_response",
                       "timeout",
                       "other"};
const Values kCodes{"2xx", "3xx", "4xx", "5xx", "other"};
const Values kStoreOps{"put", "get", "exists", "remove"};
const Values kStoreResults{"ok", "not_found", "exhausted", "unavailable", "failed", "other"};
const Values kWebhookResults{"stored", "failed", "ignored", "unauthorized", "bad_request", "retry", "other"};

const Buckets kUploadBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60};
const Buckets kStoreBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

std::string full_name(const char* name) { return std::string("watermark_api_") + name; }

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(full_name(name)).Help(help).Register(registry);
}

prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& registry, const char* name,
                                                      const char* help) {
  return prometheus::BuildHistogram().Name(full_name(name)).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(full_name(name)).Help(help).Register(registry);
}

template <typename T, typename... Rest>
void add_series(SeriesByLabel<T>* to, prometheus::Family<T>& family, const char* label, const Values& values,
                const std::map<std::string, std::string>& more, const Rest&... rest) {
  for (const std::string_view value : values) {
    auto labels = more;
    labels.emplace(label, value);
    to->add(value, family.Add(labels, rest...));
  }
}

void set_total(prometheus::Counter& counter, uint64_t total) {
  counter.Increment(static_cast<double>(total) - counter.Value());
}

std::string label_of(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace

Metrics::Metrics(const std::vector<std::string_view>& endpoints)
    : cache_errors_(
          counters(registry_, "cache_errors_total", "Failed cache operations: each was a miss, or was not cached")
              .Add({})),
      log_lines_dropped_(counters(registry_, "log_lines_dropped_total",
                                  "Log lines that were not written, since the log's reader had stopped")
                             .Add({})),
      flights_(gauges(registry_, "flights", "Uploads in progress, by key").Add({})),
      picture_bytes_(gauges(registry_, "picture_bytes", "Memory for the pictures of requests in progress").Add({})),
      cache_bytes_(gauges(registry_, "cache_bytes", "Memory for the results in the cache of this process").Add({})),
      connections_(gauges(registry_, "connections", "Open client connections").Add({})) {
  gauges(registry_, "build_info", "Always 1, labelled with the version and revision of the program")
      .Add({{"version", TIDEGATE_VERSION}, {"revision", TIDEGATE_REVISION}})
      .Set(1);
  add_series(&uploads_,
             histograms(registry_, "upload_seconds",
                        "Duration of uploads by outcome, from the request headers to the response"),
             "outcome", kOutcomes, {}, kUploadBuckets);
  auto& requests = counters(registry_, "requests_total", "Responses by endpoint and status class");
  for (const std::string_view endpoint : endpoints) {
    const std::string name(endpoint);
    add_series(&requests_[name], requests, "code", kCodes, {{"endpoint", name}});
  }
  add_series(&cache_gets_, counters(registry_, "cache_gets_total", "Cache lookups by result"), "result",
             {"hit", "miss"}, {});
  auto& operations =
      counters(registry_, "store_operations_total", "Completed object store operations by operation and result");
  for (const std::string_view op : kStoreOps) {
    const std::string name(op);
    add_series(&store_operations_[name], operations, "result", kStoreResults, {{"op", name}});
  }
  add_series(&store_seconds_, histograms(registry_, "store_operation_seconds", "Duration of object store operations"),
             "op", kStoreOps, {}, kStoreBuckets);
  add_series(&webhooks_, counters(registry_, "webhooks_total", "Webhooks received, by result"), "result",
             kWebhookResults, {});
}

void Metrics::add_dependency(const std::string& name) {
  auto& family = gauges(registry_, "dependency_up", "1 if the latest check of the dependency succeeded, else 0");
  dependencies_[name] = &family.Add({{"dependency", label_of(name)}});
}

void Metrics::set_dependency(const std::string& name, bool is_up) {
  const auto found = dependencies_.find(name);
  if (found != dependencies_.end()) found->second->Set(is_up ? 1 : 0);
}

void Metrics::upload_ended(std::string_view outcome, Duration took) { uploads_.at(outcome).Observe(to_seconds(took)); }

void Metrics::count_response(std::string_view endpoint, uint16_t status) {
  const std::string code = std::to_string(status / 100) + "xx";
  requests_.find(endpoint)->second.at(code).Increment();
}

void Metrics::count_store_operation(std::string_view op, std::string_view result, Duration took) {
  store_operations_.find(op)->second.at(result).Increment();
  store_seconds_.at(op).Observe(to_seconds(took));
}

void Metrics::set_circuit(const StoreCircuit& circuit) {
  if (!circuit_) {
    auto& states = gauges(registry_, "store_breaker_state",
                          "State of the circuit breaker of the object store: 1 for the current state, else 0");
    circuit_.emplace(Circuit{
        {},
        counters(registry_, "store_breaker_transitions_total",
                 "State changes of the circuit breaker of the object store")
            .Add({}),
        counters(registry_, "store_refused_total", "Operations refused by the open circuit breaker of the object store")
            .Add({})});
    for (const BreakerState state : {BreakerState::closed, BreakerState::open, BreakerState::half_open}) {
      circuit_->states[state] = &states.Add({{"state", to_string(state)}});
    }
  }
  for (const auto& [state, gauge] : circuit_->states) gauge->Set(state == circuit.state ? 1 : 0);
  set_total(circuit_->transitions, circuit.transitions);
  set_total(circuit_->refused, circuit.refused);
}

std::string Metrics::render(const Gauges& gauges) {
  flights_.Set(static_cast<double>(gauges.flights));
  picture_bytes_.Set(static_cast<double>(gauges.picture_bytes));
  cache_bytes_.Set(static_cast<double>(gauges.cache_bytes));
  connections_.Set(static_cast<double>(gauges.connections));
  set_total(cache_errors_, gauges.cache_errors);
  set_total(log_lines_dropped_, log_lines_dropped());
  if (gauges.store_circuit) set_circuit(*gauges.store_circuit);
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace tidegate::api
