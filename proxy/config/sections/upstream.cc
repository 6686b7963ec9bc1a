// upstreams.NAME.
#include "config/sections/sections.h"
#include "config/values/text.h"

namespace tidegate::config {

namespace {

constexpr int kConnectionsMax = 1'000'000;
constexpr Duration kCheckIntervalMin = 10ms;
constexpr Duration kEjectForMin = 100ms;

void read_endpoints(Section& section, std::vector<Endpoint>& out) {
  if (!section.require("endpoints")) return;
  if (section.is_empty_list("endpoints")) section.error("endpoints", "at least one endpoint is required");
  section.parsed_list("endpoints", out, "an endpoint such as `http://127.0.0.1:3001`", parse_endpoint);
  std::vector<std::string> authorities;
  for (const Endpoint& endpoint : out) authorities.push_back(endpoint.authority);
  section.refuse_duplicates("endpoints", authorities);
}

void read_health_check(Section& section, policy::HealthCheckConfig& out) {
  section.parsed("path", out.path, "a path such as `/health`", parse_request_path);
  section.duration("interval", out.interval, kCheckIntervalMin);
  section.duration("timeout", out.timeout);
  section.integer("unhealthy_after", out.unhealthy_after, 1, kCountMax);
  section.integer("healthy_after", out.healthy_after, 1, kCountMax);
  read_statuses(section, "expect", out.expect);
}

void read_outlier_ejection(Section& section, policy::EjectionConfig& out) {
  section.integer("consecutive_failures", out.consecutive_failures, 1, kCountMax);
  const bool good_time = section.duration("eject_for", out.eject_for, kEjectForMin);
  const bool good_max = section.duration("eject_for_max", out.eject_for_max, kEjectForMin);
  if (section.number("max_ejected", out.max_ejected, 0, 1) && out.max_ejected <= 0)
    section.error("max_ejected", "must be greater than 0");
  if (good_time && good_max) check_order(section, "eject_for", out.eject_for, "eject_for_max", out.eject_for_max);
}

void read_dns(Section& section, net::NameConfig& out) {
  section.duration("refresh", out.refresh, 1s);
  section.duration("stale", out.stale, 1s);
}

void read_retry_budget(Section& section, policy::RetryBudgetConfig& out) {
  section.number("ratio", out.ratio, 0, 1000);
  section.number("min_per_second", out.min_per_second, 0, kCountMax);
}

}  // namespace

void read_upstream(Section& section, Upstream& out) {
  read_endpoints(section, out.endpoints);
  section.choice<Balance>("balance", out.balance,
                          {{"least_requests", Balance::least_requests}, {"round_robin", Balance::round_robin}});
  section.duration("connect_timeout", out.connect_timeout);
  section.child("dns", [&](Section& child) { read_dns(child, out.dns); });
  section.child("tls", [&](Section& child) { read_tls_client(child, out.tls); });
  section.integer("max_connections", out.max_connections, 1, kConnectionsMax);
  section.integer("max_pending", out.max_pending, 0, kConnectionsMax);
  section.duration("pending_timeout", out.pending_timeout);
  section.integer("max_idle_connections", out.max_idle_connections, 0, kConnectionsMax);
  section.duration("idle_timeout", out.idle_timeout);
  section.child("health_check", [&](Section& child) { read_health_check(child, out.health_check.emplace()); });
  section.child("outlier_ejection",
                [&](Section& child) { read_outlier_ejection(child, out.outlier_ejection.emplace()); });
  section.child("breaker", [&](Section& child) { out.breaker = read_breaker(child); });
  section.child("bulkhead", [&](Section& child) { out.bulkhead = read_bulkhead(child); });
  section.child("retry_budget", [&](Section& child) { read_retry_budget(child, out.retry_budget.emplace()); });
}

}  // namespace tidegate::config
