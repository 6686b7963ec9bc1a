// upstreams.NAME.
#include "config/sections/sections.h"
#include "config/values/text.h"

namespace tidegate::config {

namespace {

constexpr int kConnectionsMax = 1'000'000;

void read_endpoints(Section& section, std::vector<Endpoint>& out) {
  if (!section.require("endpoints")) return;
  if (section.is_empty_list("endpoints")) section.error("endpoints", "at least one endpoint is required");
  section.parsed_list("endpoints", out, "an endpoint such as `http://127.0.0.1:3001`", parse_endpoint);
  std::vector<std::string> authorities;
  for (const Endpoint& endpoint : out) authorities.push_back(endpoint.authority);
  section.refuse_duplicates("endpoints", authorities);
}

void read_upstream_tls(Section& section, net::TlsClientConfig& out) {
  read_tls_file(section, "ca_file", out.ca_file);
  read_tls_identity(section, out.cert_file, out.key_file);
  section.parsed("server_name", out.server_name, "a name such as `api.example.org`", parse_tls_name);
  read_tls_version(section, out.min_version);
  section.duration("handshake_timeout", out.handshake_timeout);
}

// The keys of features to come are read: a mistake in them is not the same as "not supported yet".
void read_health_check(Section& section) {
  std::string path;
  Duration interval{}, timeout{};
  int unhealthy_after = 0, healthy_after = 0;
  section.text("path", path);
  section.duration("interval", interval);
  section.duration("timeout", timeout);
  section.integer("unhealthy_after", unhealthy_after, 1, kCountMax);
  section.integer("healthy_after", healthy_after, 1, kCountMax);
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
  section.child("tls", [&](Section& child) { read_upstream_tls(child, out.tls); });
  section.integer("max_connections", out.max_connections, 1, kConnectionsMax);
  section.integer("max_pending", out.max_pending, 0, kConnectionsMax);
  section.duration("pending_timeout", out.pending_timeout);
  section.integer("max_idle_connections", out.max_idle_connections, 0, kConnectionsMax);
  section.duration("idle_timeout", out.idle_timeout);
  if (section.has("health_check")) section.unsupported("health_check", "active health checks; remove the section");
  section.child("health_check", read_health_check);
  section.child("breaker", [&](Section& child) { out.breaker = read_breaker(child); });
  section.child("bulkhead", [&](Section& child) { out.bulkhead = read_bulkhead(child); });
  section.child("retry_budget", [&](Section& child) { read_retry_budget(child, out.retry_budget.emplace()); });
}

}  // namespace tidegate::config
