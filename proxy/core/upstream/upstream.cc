#include "core/upstream/upstream.h"

#include "core/upstream/lookup_report.h"
#include "net/connect_host.h"
#include "net/names/connect_name.h"
#include "net/tls/tls_handshake.h"

namespace tidegate::core {

namespace {

constexpr Duration kAvoidFor = 1s;

int64_t ns(Time time) { return time.time_since_epoch().count(); }

}  // namespace

Upstream::Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics, net::NameWatcher& names)
    : config_(std::move(config)), metrics_(metrics), connections_(config_.max_connections, config_.max_pending) {
  for (const config::Endpoint& endpoint : config_.endpoints) {
    endpoints_.emplace_back(config_.name, endpoint.authority);
    const bool is_address = IpAddress::parse(endpoint.host).has_value();
    names_.push_back(is_address ? nullptr
                                : names.watch(endpoint.host, config_.dns, report_lookups(config_.name, metrics_)));
    if (!endpoint.tls || tls_) continue;
    std::vector<net::TlsFileProblem> problems;  // whoever loaded the configuration has seen them
    tls_ = net::TlsContext::for_servers(config_.tls, net::TlsContext::Alpn::http, problems);
  }
}

std::unique_ptr<net::Operation> Upstream::connect(net::Runtime& runtime, size_t endpoint, net::ConnectCallback done) {
  const config::Endpoint& to = config_.endpoints[endpoint];
  if (!to.tls) return connect_plainly(runtime, to, name(endpoint), std::move(done));
  const std::string& expected = config_.tls.server_name.empty() ? to.host : config_.tls.server_name;
  return net::connect_tls(
      runtime, {tls_, {expected, to.authority}, config_.tls.handshake_timeout},
      [&](net::ConnectCallback connected) {
        return connect_plainly(runtime, to, name(endpoint), std::move(connected));
      },
      std::move(done));
}

std::unique_ptr<net::Operation> Upstream::connect_plainly(net::Runtime& runtime, const config::Endpoint& to,
                                                          net::WatchedName* name, net::ConnectCallback done) const {
  if (name) return net::connect_name(runtime, *name, to.port, config_.connect_timeout, std::move(done));
  return net::connect_host(runtime, to.host, to.port, config_.connect_timeout, std::move(done));
}

Duration Upstream::connect_time_max(size_t endpoint) const {
  return config_.connect_timeout + (config_.endpoints[endpoint].tls ? config_.tls.handshake_timeout : Duration::zero());
}

size_t Upstream::choose(Time now) {
  const size_t count = endpoints_.size();
  if (count == 1) return 0;
  // A start that moves on spreads equal endpoints evenly; for round_robin it is the whole choice.
  const size_t first = next_.fetch_add(1, std::memory_order_relaxed) % count;
  size_t best = first;
  bool best_avoided = true;
  int best_requests = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t index = (first + i) % count;
    const EndpointState& endpoint = endpoints_[index];
    const bool avoided = ns(now) < endpoint.avoid_until_ns.load(std::memory_order_relaxed);
    const int requests = endpoint.requests.load(std::memory_order_relaxed);
    const bool less_busy = config_.balance == config::Balance::least_requests && requests < best_requests;
    if (i == 0 || (best_avoided && !avoided) || (best_avoided == avoided && less_busy)) {
      best = index;
      best_avoided = avoided;
      best_requests = requests;
    }
  }
  return best;
}

void Upstream::avoid(size_t endpoint, Time now) { endpoints_[endpoint].avoid_until_ns = ns(now + kAvoidFor); }

void Upstream::connect_failed(size_t endpoint, std::string_view reason, Time now) {
  avoid(endpoint, now);
  endpoints_[endpoint].health.connect_failed(reason, now);
}

void Upstream::connected(size_t endpoint, Time now) {
  endpoints_[endpoint].avoid_until_ns = 0;
  endpoints_[endpoint].health.reached(now);
}

std::vector<EndpointView> Upstream::endpoint_views() const {
  std::vector<EndpointView> views;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const EndpointState& endpoint = endpoints_[i];
    views.push_back({config_.endpoints[i].authority, endpoint.idle.load(std::memory_order_relaxed),
                     endpoint.requests.load(std::memory_order_relaxed), endpoint.health.view()});
  }
  return views;
}

}  // namespace tidegate::core
