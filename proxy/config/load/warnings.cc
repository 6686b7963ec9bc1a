#include "config/load/warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/load/enclosed_timeouts.h"
#include "config/load/location.h"
#include "config/load/route_cover.h"
#include "config/load/route_use.h"
#include "config/load/tls_files.h"
#include "config/yaml/scalars.h"
#include "http/message/method.h"

namespace tidegate::config {

namespace {

// A retry that only an Idempotency-Key allows, unless the file says that this is meant.
void warn_of_methods(const RouteUse& use, Diagnostics& warnings) {
  const std::vector<std::string>& methods = use.route.match.methods;
  const Location retry = use.at["retry"];
  if (use.route.retry.max_attempts == 1 || methods.empty() || retry["methods"].is_written()) return;
  if (std::any_of(methods.begin(), methods.end(), http::is_idempotent)) return;
  retry.at_key().report(warnings,
                        fmt::format("{} is retried only with an Idempotency-Key; write `methods: any` if running it "
                                    "twice does no harm, `methods: idempotent` if clients send the key",
                                    fmt::join(methods, ", ")));
}

// The shortest wait before the first retry that the jitter allows.
Duration shortest_wait(const policy::BackoffConfig& backoff) {
  switch (backoff.jitter) {
    case policy::Jitter::full: return {};
    case policy::Jitter::equal: return backoff.base / 2;
    case policy::Jitter::none:
    case policy::Jitter::decorrelated: break;
  }
  return backoff.base;
}

void warn_of_backoff(const policy::BackoffConfig& backoff, const Location& at, Duration limit, std::string_view name,
                     Diagnostics& warnings) {
  const Location base = at["backoff"]["base"];
  if (!base.is_written() || shortest_wait(backoff) < limit) return;
  base.report(warnings,
              fmt::format("nothing is ever retried: the wait ends after {} ({})", name, show_duration(limit)));
}

void warn_of_conditions(const RouteUse& use, Diagnostics& warnings) {
  const Location on = use.at["fallback"]["on"];
  if (!on.is_written()) return;
  for (size_t i = 0; i < on.node().items.size(); ++i) {
    const auto never = [&](std::string_view word, std::string_view policy, bool has_policy) {
      if (has_policy || on[i].node().text != word) return;
      on[i].report(warnings,
                   fmt::format("never happens: neither the route nor upstream {} has a {}", use.upstream.name, policy));
    };
    never("breaker_open", "breaker", use.has_breaker());
    never("bulkhead_full", "bulkhead", use.has_bulkhead());
  }
}

void warn_of_max_body(const RouteUse& use, Diagnostics& warnings) {
  const Location max_body = use.at["fallback"]["enqueue"]["max_body"];
  if (!max_body.is_written()) return;
  const auto& enqueue = std::get<FallbackEnqueue>(use.route.fallback->action);
  if (enqueue.by_reference || enqueue.max_body <= use.listener.limits.body) return;
  max_body.report(warnings, fmt::format("{} is larger than limits.body of the listener ({}), beyond which a request is "
                                        "refused",
                                        show_size(enqueue.max_body), show_size(use.listener.limits.body)));
}

void warn_of_rate_limit(const RateLimit& limit, const Location& at, Diagnostics& warnings) {
  if (!limit.store && limit.on_store_failure != OnStoreFailure::local) {
    at["on_store_failure"].report(warnings, "has no effect with `store: local`");
  }
  const bool has_address = std::any_of(limit.key.begin(), limit.key.end(), [](const RateKeyPart& part) {
    return part.kind == RateKeyPart::Kind::client_ip;
  });
  if (!has_address && limit.ipv6_prefix != RateLimit().ipv6_prefix) {
    at["ipv6_prefix"].report(warnings, "has no effect: `key` is without client_ip");
  }
}

void warn_of_slots(const policy::BulkheadConfig& bulkhead, const Upstream& upstream, const Location& at,
                   Diagnostics& warnings) {
  const Location max_concurrent = at["max_concurrent"];
  if (!max_concurrent.is_written() || bulkhead.max_concurrent <= upstream.max_connections) return;
  max_concurrent.report(warnings, fmt::format("upstream {} has {} connections (max_connections): further calls hold a "
                                              "slot while they wait for one",
                                              upstream.name, upstream.max_connections));
}

constexpr std::string_view kWebSocket = "websocket";

// Tunnels hold their slots for hours.
void warn_of_shared_slots(const RouteUse& use, Diagnostics& warnings) {
  const Location upgrades = use.at["upgrades"];
  if (!upgrades.is_written() || use.route.upgrades.empty() || use.route.bulkhead || !use.upstream.bulkhead) return;
  upgrades.report(warnings, fmt::format("open tunnels hold the slots of requests, in the bulkhead of upstream {}: give "
                                        "the route a `bulkhead` of its own",
                                        use.upstream.name));
}

void warn_of_upgrades(const RouteUse& use, Diagnostics& warnings) {
  const std::vector<std::string>& protocols = use.route.upgrades;
  const Location upgrades = use.at["upgrades"], tunnel_idle = use.at["timeout"]["tunnel_idle"];
  if (protocols.empty() && tunnel_idle.is_written()) tunnel_idle.report(warnings, "has no effect: `upgrades` is empty");
  if (!upgrades.is_written()) return;
  warn_of_shared_slots(use, warnings);
  const auto& methods = use.route.match.methods;
  const bool has_get = methods.empty() || std::find(methods.begin(), methods.end(), "GET") != methods.end();
  if (std::find(protocols.begin(), protocols.end(), kWebSocket) != protocols.end()) {
    if (!has_get)
      upgrades.report(warnings, "no request asks for a WebSocket: it would be a GET, which `match.methods` has not");
    return;
  }
  for (size_t i = 0; i < protocols.size(); ++i) {
    if (nearest(protocols[i], {kWebSocket})) upgrades[i].report(warnings, "did you mean `websocket`?");
  }
}

void warn_of_route(const RouteUse& use, Diagnostics& warnings) {
  warn_of_methods(use, warnings);
  warn_of_backoff(use.route.retry.backoff, use.at["retry"], use.route.timeout.total, "timeout.total", warnings);
  warn_of_conditions(use, warnings);
  warn_of_upgrades(use, warnings);
  warn_of_max_body(use, warnings);
  if (use.route.rate_limit) warn_of_rate_limit(*use.route.rate_limit, use.at["rate_limit"], warnings);
  if (use.route.bulkhead) warn_of_slots(*use.route.bulkhead, use.upstream, use.at["bulkhead"], warnings);
}

// A policy of an upstream that no route takes.
void warn_of_unused_policies(const std::vector<RouteUse>& uses, const Location& at, Diagnostics& warnings) {
  const auto unused = [&](const char* key, std::string_view why, bool (*takes)(const RouteUse&)) {
    if (at.has(key) && std::none_of(uses.begin(), uses.end(), takes))
      at[key].at_key().report(warnings, std::string(why));
  };
  unused("breaker", "has no effect: every route to this upstream has a breaker of its own",
         [](const RouteUse& use) { return !use.route.breaker; });
  unused("bulkhead", "has no effect: every route to this upstream has a bulkhead of its own",
         [](const RouteUse& use) { return !use.route.bulkhead; });
  unused("retry_budget", "has no effect: no route to this upstream has `retry`",
         [](const RouteUse& use) { return use.at.has("retry"); });
}

// The breaker counts the failures of all endpoints.
void warn_of_late_ejection(const policy::EjectionConfig& ejection, const std::vector<RouteUse>& uses,
                           const Location& at, Diagnostics& warnings) {
  for (const RouteUse& use : uses) {
    const auto& breaker = use.route.breaker ? use.route.breaker : use.upstream.breaker;
    if (!breaker || breaker->consecutive_failures == 0) continue;
    if (ejection.consecutive_failures < breaker->consecutive_failures) continue;
    return at["consecutive_failures"].report(
        warnings, fmt::format("an endpoint is not ejected before the breaker opens for the whole upstream, after {} "
                              "failures in a row; write fewer",
                              breaker->consecutive_failures));
  }
}

void warn_of_ejection(const Upstream& upstream, const std::vector<RouteUse>& uses, const Location& at,
                      Diagnostics& warnings) {
  if (!upstream.outlier_ejection) return;
  if (upstream.endpoints.size() > 1) return warn_of_late_ejection(*upstream.outlier_ejection, uses, at, warnings);
  at.at_key().report(warnings,
                     "has no effect: the upstream has one endpoint, and the last healthy one is never ejected");
}

void warn_of_upstream(const Upstream& upstream, const std::vector<RouteUse>& uses, const Location& at,
                      Diagnostics& warnings) {
  if (uses.empty()) return at.at_key().report(warnings, "no route uses this upstream");
  warn_of_unused_policies(uses, at, warnings);
  warn_of_ejection(upstream, uses, at["outlier_ejection"], warnings);
  if (upstream.bulkhead) warn_of_slots(*upstream.bulkhead, upstream, at["bulkhead"], warnings);
}

// A route each of whose methods an earlier one takes; one that takes them all is an error.
void warn_of_shadowed(const Listener& listener, const Location& routes, Diagnostics& warnings) {
  for (auto route = listener.routes.begin(); route != listener.routes.end(); ++route) {
    const auto is_taken = [&](const std::string& method) {
      Match match = route->match;
      match.methods = {method};
      return std::any_of(listener.routes.begin(), route, [&](const Route& each) { return covers(each.match, match); });
    };
    const std::vector<std::string>& methods = route->match.methods;
    if (methods.empty() || !std::all_of(methods.begin(), methods.end(), is_taken)) continue;
    routes[static_cast<size_t>(route - listener.routes.begin())].report(
        warnings, fmt::format("unreachable: earlier routes take {}", fmt::join(methods, ", ")));
  }
}

void warn_of_jobs_path(const Listener& listener, const Location& at, Diagnostics& warnings) {
  if (has_jobs(listener) || listener.jobs_path == Listener().jobs_path) return;
  at["jobs_path"].report(warnings, "has no effect: no route of this listener has `fallback.enqueue`");
}

void warn_of_queue(const Queue& queue, const std::vector<RouteUse>& uses, const Location& at, Diagnostics& warnings) {
  const bool is_used = std::any_of(uses.begin(), uses.end(), [&](const RouteUse& use) { return use.queue == &queue; });
  if (!is_used) at.at_key().report(warnings, "no route enqueues here: only the jobs that it holds are run");
  warn_of_backoff(queue.replay.backoff, at["replay"], queue.job_ttl, "job_ttl", warnings);
}

void warn_of_log(const Log& log, const Location& at, Diagnostics& warnings) {
  if (log.access != AccessLog::all || log.level <= LogLevel::info) return;
  at["access"].report(warnings, "has no effect: `level` leaves out the lines of requests, which are of level info");
}

}  // namespace

void find_warnings(const Config& config, const Node& root_node, Diagnostics& warnings) {
  const Location root(root_node);
  const std::vector<RouteUse> uses = uses_of(config, root);
  warn_of_log(config.log, root["log"], warnings);
  warn_of_tls(config, root, warnings);
  for (const RouteUse& use : uses) warn_of_route(use, warnings);
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const Location at = root["listeners"][i];
    warn_of_jobs_path(config.listeners[i], at, warnings);
    warn_of_shadowed(config.listeners[i], at["routes"], warnings);
  }
  UsesByUpstream uses_by_upstream = by_upstream(uses);
  for (const auto& [name, upstream] : config.upstreams) {
    warn_of_upstream(upstream, uses_by_upstream[&upstream], root["upstreams"][name], warnings);
  }
  for (const auto& [name, queue] : config.queues) warn_of_queue(queue, uses, root["queues"][name], warnings);
  warn_of_enclosed_timeouts(config, uses, root, warnings);
}

}  // namespace tidegate::config
