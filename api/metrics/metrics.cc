#include "api/metrics/metrics.h"

#include <algorithm>
#include <array>

#include <prometheus/text_serializer.h>

namespace tidegate::api {

namespace {

using Words = std::vector<const char*>;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Words kOutcomes{"hit",
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
const Words kEndpoints{"upload", "status", "images", "page", "webhook", "demo", "health", "ready", "metrics", "other"};
const Words kCodes{"2xx", "3xx", "4xx", "5xx", "other"};
const Words kStoreOps{"put", "get", "exists", "remove"};
const Words kStoreResults{"ok", "not_found", "exhausted", "unavailable", "failed", "other"};
const Words kWebhookResults{"stored", "failed", "ignored", "unauthorized", "bad_request", "retry", "other"};

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
void add_words(ByWord<T>* to, prometheus::Family<T>& family, const char* label, const Words& words,
               const std::map<std::string, std::string>& more, const Rest&... rest) {
  for (const char* word : words) {
    auto labels = more;
    labels.emplace(label, word);
    to->add(word, family.Add(labels, rest...));
  }
}

std::string label_of(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace

std::string_view endpoint_of(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kExact = {
      {{"/upload", "upload"},
       {"/", "page"},
       {"/favicon.ico", "page"},
       {"/health", "health"},
       {"/ready", "ready"},
       {"/metrics", "metrics"},
       {"/demo", "demo"},
       {"/demo/fault", "demo"},
       {"/webhooks/tidegate", "webhook"}}};
  for (const auto& [known, endpoint] : kExact) {
    if (path == known) return endpoint;
  }
  if (path.starts_with("/status/")) return "status";
  if (path.starts_with("/images/")) return "images";
  return path.starts_with("/page/") ? "page" : "other";
}

Metrics::Metrics(const std::vector<std::string>& dependencies)
    : cache_errors_(
          counters(registry_, "cache_errors_total", "What the cache could not do: a miss, or not kept").Add({})),
      flights_(gauges(registry_, "flights", "Keys that are being worked on").Add({})),
      picture_bytes_(gauges(registry_, "picture_bytes", "Pictures in memory for requests under way").Add({})),
      cache_bytes_(gauges(registry_, "cache_bytes", "Results in this process's cache").Add({})),
      connections_(gauges(registry_, "connections", "Connections of clients").Add({})) {
  gauges(registry_, "build_info", "1, with the version and revision that run")
      .Add({{"version", TIDEGATE_VERSION}, {"revision", TIDEGATE_REVISION}})
      .Set(1);
  add_words(&uploads_, histograms(registry_, "upload_seconds", "Uploads by outcome, from their head to their answer"),
            "outcome", kOutcomes, {}, kUploadBuckets);
  auto& requests = counters(registry_, "requests_total", "Answers begun, by what was asked for");
  for (const char* endpoint : kEndpoints) {
    add_words(&requests_[endpoint], requests, "code", kCodes, {{"endpoint", endpoint}});
  }
  add_words(&cache_gets_, counters(registry_, "cache_gets_total", "Results asked of the cache"), "result",
            {"hit", "miss"}, {});
  auto& operations = counters(registry_, "store_operations_total", "Operations of the object store that have ended");
  for (const char* op : kStoreOps) {
    add_words(&store_operations_[op], operations, "result", kStoreResults, {{"op", op}});
  }
  add_words(&store_seconds_, histograms(registry_, "store_operation_seconds", "Operations of the object store"), "op",
            kStoreOps, {}, kStoreBuckets);
  add_words(&webhooks_, counters(registry_, "webhooks_total", "Webhooks by what became of them"), "result",
            kWebhookResults, {});
  auto& up = gauges(registry_, "dependency_up", "1 if the dependency answered when it was last asked");
  for (const std::string& name : dependencies) {
    dependencies_[name] = &up.Add({{"dependency", label_of(name)}});
  }
}

void Metrics::upload_ended(std::string_view outcome, Duration took) { uploads_.at(outcome).Observe(to_seconds(took)); }

void Metrics::answered(std::string_view path, uint16_t status) {
  const std::string code = std::to_string(status / 100) + "xx";
  requests_.find(endpoint_of(path))->second.at(code).Increment();
}

void Metrics::store_asked(std::string_view op, std::string_view result, Duration took) {
  store_operations_.find(op)->second.at(result).Increment();
  store_seconds_.at(op).Observe(to_seconds(took));
}

void Metrics::dependency(const std::string& name, bool up) {
  const auto found = dependencies_.find(name);
  if (found != dependencies_.end()) found->second->Set(up ? 1 : 0);
}

std::string Metrics::render(const Gauges& gauges) {
  flights_.Set(static_cast<double>(gauges.flights));
  picture_bytes_.Set(static_cast<double>(gauges.picture_bytes));
  cache_bytes_.Set(static_cast<double>(gauges.cache_bytes));
  connections_.Set(static_cast<double>(gauges.connections));
  cache_errors_.Increment(static_cast<double>(gauges.cache_errors) - cache_errors_.Value());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace tidegate::api
