#include "core/upstream/upstream.h"

namespace tidegate::core {

namespace {

constexpr Duration kAvoidFor = 1s;

int64_t ns(Time time) { return time.time_since_epoch().count(); }

}  // namespace

Upstream::Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics)
    : config_(std::move(config)),
      metrics_(metrics),
      connections_(config_.max_connections, config_.max_pending),
      endpoints_(config_.endpoints.size()) {}

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

void Upstream::connect_failed(size_t endpoint, Time now) { endpoints_[endpoint].avoid_until_ns = ns(now + kAvoidFor); }

void Upstream::connected(size_t endpoint) { endpoints_[endpoint].avoid_until_ns = 0; }

}  // namespace tidegate::core
