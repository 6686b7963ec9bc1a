#include "config/load/enclosed_timeouts.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/yaml/scalars.h"

namespace tidegate::config {

namespace {

// What ends a wait at the latest.
struct Bound {
  Duration duration{};
  std::string_view name;
};

bool is_shorter(const Bound& a, const Bound& b) { return a.duration < b.duration; }

Bound total(const RouteUse& use) { return {use.route.timeout.total, "timeout.total"}; }

// Until the response headers of a request of a client.
Bound live_attempt(const RouteUse& use) {
  return std::min(total(use), Bound{use.route.timeout.per_try, "timeout.per_try"}, is_shorter);
}

Bound or_replay(Bound live, const RouteUse& use) {
  if (use.queue == nullptr) return live;
  return std::max(live, Bound{use.queue->replay.timeout, "replay.timeout of the queue"}, is_shorter);
}

// An attempt of a client's request or of a job.
Bound any_attempt(const RouteUse& use) { return or_replay(live_attempt(use), use); }
Bound any_response(const RouteUse& use) { return or_replay(total(use), use); }

// From the end of a request to its response headers.
Bound response_headers(const RouteUse& use) {
  const Bound header{use.route.timeout.response_header, "timeout.response_header"};
  return or_replay(std::min(live_attempt(use), header, is_shorter), use);
}

void warn_if_enclosed(const Location& at, Duration value, const Bound& bound, Diagnostics& warnings) {
  if (!at.is_written() || value <= bound.duration) return;
  at.report(warnings, fmt::format("{} never elapses: {} ({}) is shorter and ends the wait first", show_duration(value),
                                  bound.name, show_duration(bound.duration)));
}

// The longest bound that any of the routes has.
Bound longest(const std::vector<RouteUse>& uses, Bound (*bound_of)(const RouteUse&)) {
  Bound longest;
  for (const RouteUse& use : uses) longest = std::max(longest, bound_of(use), is_shorter);
  return longest;
}

void warn_of_slow_call(const std::optional<policy::BreakerConfig>& breaker, const Bound& bound, const Location& at,
                       Diagnostics& warnings) {
  if (!breaker || !breaker->slow_call) return;
  warn_if_enclosed(at["slow_call"]["threshold"], breaker->slow_call->threshold, bound, warnings);
}

void warn_of_max_wait(const std::optional<policy::BulkheadConfig>& bulkhead, const Bound& bound, const Location& at,
                      Diagnostics& warnings) {
  if (bulkhead) warn_if_enclosed(at["max_wait"], bulkhead->max_wait, bound, warnings);
}

void warn_of_route_timeouts(const RouteUse& use, Diagnostics& warnings) {
  const policy::TimeoutConfig& timeout = use.route.timeout;
  const Location at = use.at["timeout"];
  warn_if_enclosed(at["per_try"], timeout.per_try, total(use), warnings);
  warn_if_enclosed(at["response_header"], timeout.response_header, live_attempt(use), warnings);
  // The default is longer than that of `total`: who repeats it has made no mistake.
  if (timeout.idle != policy::TimeoutConfig().idle) {
    warn_if_enclosed(at["idle"], timeout.idle, any_response(use), warnings);
  }
  warn_of_slow_call(use.route.breaker, response_headers(use), use.at["breaker"], warnings);
  warn_of_max_wait(use.route.bulkhead, total(use), use.at["bulkhead"], warnings);
}

void warn_of_upstream_timeouts(const Upstream& upstream, const std::vector<RouteUse>& uses, const Location& at,
                               Diagnostics& warnings) {
  if (uses.empty()) return;  // has its own warning
  warn_if_enclosed(at["connect_timeout"], upstream.connect_timeout, longest(uses, any_attempt), warnings);
  const Location handshake = at["tls"]["handshake_timeout"];
  warn_if_enclosed(handshake, upstream.tls.handshake_timeout, longest(uses, any_attempt), warnings);
  const bool has_jobs = std::any_of(uses.begin(), uses.end(), [](const RouteUse& use) { return use.queue != nullptr; });
  if (!has_jobs) {  // a job waits for a connection beyond its timeout
    warn_if_enclosed(at["pending_timeout"], upstream.pending_timeout, longest(uses, total), warnings);
  }
  warn_of_slow_call(upstream.breaker, longest(uses, response_headers), at["breaker"], warnings);
  warn_of_max_wait(upstream.bulkhead, longest(uses, total), at["bulkhead"], warnings);
}

}  // namespace

void warn_of_enclosed_timeouts(const Config& config, const std::vector<RouteUse>& uses, const Location& root,
                               Diagnostics& warnings) {
  for (const RouteUse& use : uses) warn_of_route_timeouts(use, warnings);
  UsesByUpstream uses_by_upstream = by_upstream(uses);
  for (const auto& [name, upstream] : config.upstreams) {
    warn_of_upstream_timeouts(upstream, uses_by_upstream[&upstream], root["upstreams"][name], warnings);
  }
}

}  // namespace tidegate::config
