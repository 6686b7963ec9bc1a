#include "metrics/hidden_series.h"

#include <algorithm>
#include <variant>

namespace tidegate::metrics {

namespace {

constexpr const char* kCallbacks = ".callbacks";  // of the queue's name, for the store of its callbacks

std::string endpoint_of(const std::string& upstream, const std::string& endpoint) { return upstream + " " + endpoint; }

std::string value_of(const prometheus::ClientMetric& series, const std::string& label) {
  for (const auto& each : series.label) {
    if (each.name == label) return each.value;
  }
  return "";
}

}  // namespace

HiddenSeries::Names HiddenSeries::names_of(const config::Config& config) {
  Names names;
  for (const config::Listener& listener : config.listeners) {
    names.emplace("listener", listener.name);
    for (const config::Route& route : listener.routes) {
      names.emplace("route", route.name);
      if (route.breaker) names.emplace("breaker", route.name);
      const auto* enqueue = route.fallback ? std::get_if<config::FallbackEnqueue>(&route.fallback->action) : nullptr;
      if (enqueue && enqueue->callback) names.emplace("queue", enqueue->queue + kCallbacks);
    }
  }
  for (const auto& [name, upstream] : config.upstreams) {
    names.emplace("upstream", name);
    if (upstream.breaker) names.emplace("breaker", name);
    for (const config::Endpoint& each : upstream.endpoints)
      names.emplace("endpoint", endpoint_of(name, each.authority));
  }
  for (const auto& [name, queue] : config.queues) names.emplace("queue", name);
  return names;
}

void HiddenSeries::hide_new(const config::Config& config) {
  Names names = names_of(config);
  const std::lock_guard lock(mutex_);
  std::erase_if(names, [&](const auto& name) { return shown_.contains(name); });
  hidden_.insert(names.begin(), names.end());
  new_ = std::move(names);
}

void HiddenSeries::show_new() {
  const std::lock_guard lock(mutex_);
  for (const auto& name : new_) hidden_.erase(name);
  shown_.merge(new_);
  new_.clear();
}

// REQUIRES the lock.
bool HiddenSeries::hides(const prometheus::ClientMetric& series) const {
  return std::any_of(series.label.begin(), series.label.end(), [&](const prometheus::ClientMetric::Label& label) {
    if (label.name == "endpoint")
      return hidden_.contains({label.name, endpoint_of(value_of(series, "upstream"), label.value)});
    return hidden_.contains(std::pair<const std::string&, const std::string&>(label.name, label.value));
  });
}

std::vector<prometheus::MetricFamily> HiddenSeries::visible(std::vector<prometheus::MetricFamily> families) const {
  const std::lock_guard lock(mutex_);
  if (hidden_.empty()) return families;
  for (prometheus::MetricFamily& family : families) {
    std::erase_if(family.metric, [&](const prometheus::ClientMetric& series) { return hides(series); });
  }
  std::erase_if(families, [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace tidegate::metrics
