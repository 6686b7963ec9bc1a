#include "admin/gauges.h"

#include <set>

#include "base/log/output.h"
#include "net/tls/tls_context.h"

namespace tidegate::admin {

namespace {

// A queue whose server is unavailable accepts jobs into its spool, but its dependency is down.
void set_queue(core::Gateway& gateway, const std::string& name, const jobs::QueueView& view, WallTime now) {
  const double age_s = view.oldest_created_at ? to_seconds(now - *view.oldest_created_at) : 0;
  std::set<jobs::Refusal> unavailable;
  const std::string own = view.available ? "" : view.why_unavailable;
  for (const std::string& why : {own, view.server_unavailable, view.spool_unavailable}) {
    if (!why.empty()) unavailable.insert(jobs::unavailable_for(why));
  }
  gateway.metrics().set_unavailable_stores(name, unavailable);
  gateway.metrics().set_missing(name, view.missing);
  gateway.metrics().set_queue(name, view.depth, view.bytes, age_s, view.available && view.server_unavailable.empty());
}

// The one that expires first.
void set_certificate(metrics::Metrics& metrics, const char* section, const std::string& name,
                     const std::vector<std::shared_ptr<net::TlsContext>>& contexts) {
  std::optional<WallTime> first;
  for (const auto& tls : contexts) {
    const auto valid_until = tls ? tls->valid_until() : std::nullopt;
    if (valid_until && (!first || *valid_until < *first)) first = valid_until;
  }
  if (first) metrics.set_certificate_expiry(section, name, *first);
}

}  // namespace

void set_gauges(core::Gateway& gateway, net::Runtime& runtime) {
  metrics::Metrics& metrics = gateway.metrics();
  const core::RouteTable& table = *gateway.table();
  const Time now = runtime.now();
  metrics.set_log_lines_dropped(log_lines_dropped());
  const core::BufferBudget& buffers = gateway.policies().buffers();
  metrics.set_buffered(buffers.used(), buffers.limit());
  for (const auto& breaker : table.breakers()) metrics.set_breaker(breaker->name(), breaker->view(now));
  for (const auto& bulkhead : table.bulkheads()) {
    const policy::Bulkhead::View view = bulkhead->view();
    metrics.set_bulkhead(bulkhead->name(), view.in_use, view.waiting, view.limit);
  }
  for (const auto& [name, upstream] : table.upstreams()) {
    metrics.set_upstream_pending(name, upstream->connections().waiting());
    set_certificate(metrics, "upstream", name, {upstream->tls()});
    for (const auto& endpoint : upstream->endpoints()) {
      const bool healthy = endpoint->health().state() == policy::EndpointState::healthy;
      metrics.set_endpoint_healthy(name, endpoint->authority(), healthy);
    }
  }
  for (const core::ListenerRoutes& listener : table.listeners()) {
    set_certificate(metrics, "listener", listener.config->name, {listener.tls});
    for (const core::RouteState& route : listener.routes) {
      if (route.policy.limiter) metrics.set_tracked_clients(route.config->name, route.policy.limiter->tracked());
      if (route.policy.budget) {
        metrics.set_retry_budget(route.config->upstream, route.policy.budget->remaining_ratio(now));
      }
    }
  }
  for (const auto& store : table.rate_stores()) {
    const std::string shown = store->address().shown();
    metrics.set_dependency(shown, store->up());
    set_certificate(metrics, "rate_limit_store", shown, {store->tls().context});
  }
  for (const auto& [name, queue] : table.config().queues) {
    metrics.set_queue_limits(name, queue.max_jobs, queue.max_bytes);
  }
  for (auto& [name, queue] : gateway.policies().queues()) {
    if (!queue.was_in_force) continue;
    set_queue(gateway, name, queue.queue->view(), runtime.wall_now());
    set_certificate(metrics, "queue", name, queue.queue->tls());
    if (!queue.callbacks) continue;
    set_queue(gateway, core::callbacks_name(name), queue.callbacks->view(), runtime.wall_now());
  }
  metrics.drop_unset_gauges();
}

}  // namespace tidegate::admin
