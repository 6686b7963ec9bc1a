#include "metrics/metrics.h"

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <prometheus/text_serializer.h>

#include "base/assert.h"
#include "metrics/breaker_metrics.h"
#include "metrics/connection_metrics.h"
#include "metrics/families.h"
#include "metrics/from_config.h"
#include "metrics/hidden_series.h"
#include "metrics/methods.h"
#include "metrics/mirrored.h"
#include "metrics/queue_metrics.h"

namespace tidegate::metrics {

using policy::BreakerState;
using policy::Outcome;

namespace {

class RouteMetricsImpl final : public RouteMetrics {
 public:
  RouteMetricsImpl(Families& families, const std::string& route)
      : families_(families),
        route_(route),
        in_flight_(families.http_requests_in_flight.Add({{"route", route}})),
        tunnels_(families.tunnels_open.Add({{"route", route}})),
        allowed_(families.ratelimit_decisions.Add({{"route", route}, {"decision", "allowed"}})),
        limited_(families.ratelimit_decisions.Add({{"route", route}, {"decision", "limited"}})),
        would_limit_(families.ratelimit_decisions.Add({{"route", route}, {"decision", "would_limit"}})) {}

  void begun() override { in_flight_.Increment(); }

  void ended(std::string_view method, uint16_t code, Outcome outcome, Duration took) override {
    in_flight_.Decrement();
    const Series series = find(method_index(method), code, outcome);
    series.count->Increment();
    series.duration->Observe(to_seconds(took));
  }

  void tunnels_changed(int by) override { tunnels_.Increment(by); }

  void rate_limit(bool allowed, bool shadow) override {
    (allowed ? allowed_ : shadow ? would_limit_ : limited_).Increment();
  }

  void would(Outcome outcome) override {
    families_.http_requests
        .Add({{"route", route_},
              {"method", "_OTHER"},
              {"code", "0"},
              {"outcome", std::string("would_") + to_string(outcome)}})
        .Increment();
  }

 private:
  struct Series {
    prometheus::Counter* count = nullptr;
    prometheus::Histogram* duration = nullptr;
  };

  // Queries the families once per label set; after that it is one look-up in a small table.
  Series find(size_t method, uint16_t code, Outcome outcome) {
    const uint32_t key =
        static_cast<uint32_t>(method << 24) | static_cast<uint32_t>(code) << 8 | static_cast<uint32_t>(outcome);
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = series_.find(key); found != series_.end()) return found->second;
    }
    Series made;
    made.count = &families_.http_requests.Add({{"route", route_},
                                               {"method", kMethods[method]},
                                               {"code", std::to_string(code)},
                                               {"outcome", to_string(outcome)}});
    made.duration =
        &families_.http_request_duration.Add({{"route", route_}, {"outcome", to_string(outcome)}}, request_buckets());
    const std::unique_lock lock(mutex_);
    return series_.emplace(key, made).first->second;
  }

  Families& families_;
  std::string route_;
  prometheus::Gauge& in_flight_;
  prometheus::Gauge& tunnels_;
  prometheus::Counter& allowed_;
  prometheus::Counter& limited_;
  prometheus::Counter& would_limit_;
  std::shared_mutex mutex_;
  std::unordered_map<uint32_t, Series> series_;
};

class MetricsImpl final : public Metrics {
 public:
  MetricsImpl(const config::Config& config, std::string_view version, std::string_view revision)
      : families_(registry_) {
    families_.build_info.Add({{"version", std::string(version)}, {"revision", std::string(revision)}}).Set(1);
    route("");
    hidden_.hide_new(config);
    add_configured(config);
    for (const auto& [name, q] : config.queues) set_queue_limits(name, q.max_jobs, q.max_bytes);
    hidden_.show_new();
  }

  void add_configured(const config::Config& config) override {
    for (const config::Listener& each : config.listeners) {
      listener(each.name);
      for (const config::Route& r : each.routes) {
        if (!is_new(r)) continue;
        route(r.name);
        make_refusals(families_, r);
        if (r.breaker) breaker(r.name);
      }
    }
    for (const auto& [name, u] : config.upstreams) {
      upstream(name);
      for (const config::Endpoint& endpoint : u.endpoints) {
        upstream(name).endpoint(endpoint.authority);
        if (is_new(name, endpoint)) set_endpoint_healthy(name, endpoint.authority, true);
      }
      if (u.breaker) breaker(name);
    }
    for (const auto& [name, q] : config.queues) queue(name);
  }
  void hide_new(const config::Config& config) override { hidden_.hide_new(config); }
  void show_new() override { hidden_.show_new(); }

  RouteMetrics& route(const std::string& name) override { return find_or_make(routes_, name); }
  UpstreamMetrics& upstream(const std::string& name) override { return find_or_make(upstreams_, name); }
  QueueMetricsImpl& queue(const std::string& name) override { return find_or_make(queues_, name); }
  ListenerMetrics& listener(const std::string& name) override { return find_or_make(listeners_, name); }
  BreakerMetricsImpl& breaker(const std::string& name) { return find_or_make(breakers_, name); }

  void breaker_transition(const std::string& name, const policy::Transition& transition) override {
    breaker(name).transition(transition);
  }
  void breaker_begins(const std::string& name) override { breaker(name).restart(); }
  void breaker_ends(const std::string& name, const policy::BreakerView& view) override {
    breaker(name).raise_totals(view);
  }
  void set_breaker(const std::string& name, const policy::BreakerView& view) override {
    for (int i = 0; i < policy::kBreakerStateCount; ++i) {
      const auto state = static_cast<BreakerState>(i);
      gauges_.set(families_.breaker_state, {{"breaker", name}, {"state", to_string(state)}},
                  view.state == state ? 1 : 0);
    }
    breaker(name).raise_totals(view);
  }

  void set_bulkhead(const std::string& bulkhead, int in_use, int waiting, int limit) override {
    gauges_.set(families_.bulkhead_in_use, {{"bulkhead", bulkhead}}, in_use);
    gauges_.set(families_.bulkhead_waiting, {{"bulkhead", bulkhead}}, waiting);
    gauges_.set(families_.bulkhead_limit, {{"bulkhead", bulkhead}}, limit);
  }
  void set_upstream_pending(const std::string& upstream, int waiting) override {
    gauges_.set(families_.upstream_pending, {{"upstream", upstream}}, waiting);
  }
  void set_endpoint_healthy(const std::string& upstream, const std::string& endpoint, bool healthy) override {
    gauges_.set(families_.upstream_endpoint_healthy, {{"upstream", upstream}, {"endpoint", endpoint}}, healthy ? 1 : 0);
  }
  void set_tracked_clients(const std::string& name, size_t clients) override {
    gauges_.set(families_.ratelimit_tracked_clients, {{"route", name}}, static_cast<double>(clients));
  }
  void set_retry_budget(const std::string& name, double remaining_ratio) override {
    gauges_.set(families_.retry_budget_remaining, {{"upstream", name}}, remaining_ratio);
  }
  void set_queue(const std::string& name, const JobCounts& depth_by_status, uint64_t bytes, double oldest_age_s,
                 bool available) override {
    for (size_t i = 0; i < depth_by_status.size(); ++i) {
      const char* status = to_string(static_cast<jobs::JobStatus>(i));
      gauges_.set(families_.queue_depth, {{"queue", name}, {"status", status}},
                  static_cast<double>(depth_by_status[i]));
    }
    gauges_.set(families_.queue_bytes, {{"queue", name}}, static_cast<double>(bytes));
    gauges_.set(families_.queue_oldest_age, {{"queue", name}}, oldest_age_s);
    set_dependency("queue:" + name, available);
  }
  void set_queue_limits(const std::string& name, uint64_t max_jobs, uint64_t max_bytes) override {
    gauges_.set(families_.queue_max_jobs, {{"queue", name}}, static_cast<double>(max_jobs));
    gauges_.set(families_.queue_max_bytes, {{"queue", name}}, static_cast<double>(max_bytes));
  }
  void set_unavailable_stores(const std::string& name, const std::set<jobs::Refusal>& reasons) override {
    queue(name).set_unavailable_stores(reasons);
  }
  void set_missing(const std::string& name, const jobs::MissingWork& missing) override {
    queue(name).set_missing(missing);
  }
  void set_certificate_expiry(const std::string& section, const std::string& name, WallTime at) override {
    gauges_.set(families_.tls_certificate_expiry, {{"section", section}, {"name", name}},
                to_seconds(at.time_since_epoch()));
  }
  void set_dependency(const std::string& dependency, bool up) override {
    gauges_.set(families_.dependency_up, {{"dependency", dependency}}, up ? 1 : 0);
  }
  void set_loop_lag(int worker, double seconds) override {
    families_.loop_lag.Add({{"worker", std::to_string(worker)}}).Set(seconds);
  }
  void set_log_lines_dropped(uint64_t lines) override { log_lines_dropped_.raise_to(static_cast<double>(lines)); }
  void set_buffered(uint64_t bytes, uint64_t limit) override {
    families_.buffered_bytes.Add({}).Set(static_cast<double>(bytes));
    families_.buffered_max_bytes.Add({}).Set(static_cast<double>(limit));
  }
  void drop_unset_gauges() override { gauges_.drop_unset(); }
  void set_config_loaded(bool successful, WallTime at) override {
    families_.config_last_reload_successful.Add({}).Set(successful ? 1 : 0);
    if (successful) families_.config_last_reload_timestamp.Add({}).Set(to_seconds(at.time_since_epoch()));
  }

  std::string render() override {
    return prometheus::TextSerializer().Serialize(hidden_.visible(registry_.Collect())) + process_metrics();
  }

 private:
  template <typename Map>
  typename Map::mapped_type::element_type& find_or_make(Map& map, const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& slot = map[name];
    if (!slot) slot = std::make_unique<typename Map::mapped_type::element_type>(families_, name);
    return *slot;
  }

  // Its series are not there yet. They are many, and finding one that is there costs nearly as much as making it.
  bool is_new(const config::Route& route) {
    const std::lock_guard lock(mutex_);
    return made_routes_.insert({route.name, route.breaker.has_value(), route.match.methods}).second;
  }
  // The gauge of one that is there is set by who renders, perhaps at this moment.
  bool is_new(const std::string& upstream, const config::Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    return made_endpoints_.insert({upstream, endpoint.authority}).second;
  }

  prometheus::Registry registry_;
  Families families_;
  MirroredGauges gauges_;
  MirroredCounter log_lines_dropped_{families_.log_lines_dropped.Add({})};
  HiddenSeries hidden_;
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> made_endpoints_;
  std::set<std::tuple<std::string, bool, std::vector<std::string>>> made_routes_;  // by what their series depend on
  std::map<std::string, std::unique_ptr<RouteMetricsImpl>> routes_;
  std::map<std::string, std::unique_ptr<UpstreamMetricsImpl>> upstreams_;
  std::map<std::string, std::unique_ptr<QueueMetricsImpl>> queues_;
  std::map<std::string, std::unique_ptr<BreakerMetricsImpl>> breakers_;
  std::map<std::string, std::unique_ptr<ListenerMetricsImpl>> listeners_;
};

}  // namespace

std::unique_ptr<Metrics> Metrics::make(const config::Config& config, std::string_view version,
                                       std::string_view revision) {
  return std::make_unique<MetricsImpl>(config, version, revision);
}

}  // namespace tidegate::metrics
