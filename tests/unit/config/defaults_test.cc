// docs/reference/configuration.md against the loader: what the page calls a default is the value of an absent key.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include "config/yaml/scalars.h"
#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

// Path of a key as the page has it, "upstreams.NAME.breaker.window" -> the text in its column of defaults.
using Page = std::map<std::string, std::string>;

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream in(row.substr(2));
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t begin = cell.find_first_not_of(" `"), end = cell.find_last_not_of(" `");
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return cells;
}

Page read_page() {
  Page page;
  std::ifstream file(TIDEGATE_SOURCE_DIR "/docs/reference/configuration.md");
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line == "## Top level" ? "" : line.substr(3) + ".";
    if (!line.starts_with("| `")) continue;
    const auto cells = cells_of(line);
    if (cells.size() == 4) page[section + cells[0]] = cells[2];
  }
  return page;
}

// Whether a text of the page means this value.
using Means = std::function<bool(const std::string&)>;
Means time(Duration value) {
  return [value](const std::string& text) {
    const auto parsed = parse_duration(text);
    return parsed && *parsed == value;
  };
}
Means bytes(uint64_t value) {
  return [value](const std::string& text) {
    const auto parsed = parse_size(text);
    return parsed && *parsed == value;
  };
}
Means number(double value) {
  return [value](const std::string& text) { return !text.empty() && std::strtod(text.c_str(), nullptr) == value; };
}
Means list(const policy::Conditions& value) {
  return [value](const std::string& text) { return text == "[" + value.text() + "]"; };
}
Means word(const std::string& value) {
  return [value](const std::string& text) { return text == value; };
}

const std::string kEverySection = R"(
upstreams: {u: {endpoints: ["http://127.0.0.1:1"], breaker: {slow_call: {}}, bulkhead: {}, retry_budget: {},
                health_check: {}, outlier_ejection: {}}}
queues: {q: {url: "sqlite:///q.db"}}
listeners:
  - name: l
    address: 127.0.0.1:2
    routes:
      - {name: a, match: {path: /a}, upstream: u, rate_limit: {}, retry: {}, fallback: {enqueue: {queue: q}}}
      - {name: b, match: {path: /b}, upstream: u, fallback: {respond: {}}}
)";

using Values = std::map<std::string, Means>;

void add(Values& values, const std::string& section, const Values& more) {
  for (const auto& [key, means] : more) values[section + key] = means;
}

void add_upstream(Values& values, const Upstream& u) {
  add(values, "upstreams.NAME.",
      {{"connect_timeout", time(u.connect_timeout)},
       {"tls.handshake_timeout", time(u.tls.handshake_timeout)},
       {"tls.min_version", word(u.tls.min_version == net::TlsVersion::v1_2 ? "1.2" : "1.3")},
       {"dns.refresh", time(u.dns.refresh)},
       {"dns.stale", time(u.dns.stale)},
       {"max_connections", number(u.max_connections)},
       {"max_pending", number(u.max_pending)},
       {"pending_timeout", time(u.pending_timeout)},
       {"max_idle_connections", number(u.max_idle_connections)},
       {"idle_timeout", time(u.idle_timeout)}});
  const policy::HealthCheckConfig& check = *u.health_check;
  add(values, "upstreams.NAME.health_check.",
      {{"path", word(check.path)},
       {"interval", time(check.interval)},
       {"timeout", time(check.timeout)},
       {"unhealthy_after", number(check.unhealthy_after)},
       {"healthy_after", number(check.healthy_after)},
       {"expect", list(check.expect)}});
  const policy::EjectionConfig& ejection = *u.outlier_ejection;
  add(values, "upstreams.NAME.outlier_ejection.",
      {{"consecutive_failures", number(ejection.consecutive_failures)},
       {"eject_for", time(ejection.eject_for)},
       {"eject_for_max", time(ejection.eject_for_max)},
       {"max_ejected", number(ejection.max_ejected)}});
  const policy::BreakerConfig& b = *u.breaker;
  add(values, "upstreams.NAME.breaker.",
      {{"consecutive_failures", number(b.consecutive_failures)},
       {"failure_ratio", number(b.failure_ratio)},
       {"min_requests", number(b.min_requests)},
       {"window", time(b.window)},
       {"window_buckets", number(b.window_buckets)},
       {"slow_call.threshold", time(b.slow_call->threshold)},
       {"slow_call.ratio", number(b.slow_call->ratio)},
       {"open_for", time(b.open_for)},
       {"open_for_max", time(b.open_for_max)},
       {"half_open_requests", number(b.half_open_requests)},
       {"half_open_timeout", time(b.half_open_timeout)},
       {"failures", list(b.failures)}});
  add(values, "upstreams.NAME.bulkhead.",
      {{"max_concurrent", number(u.bulkhead->max_concurrent)},
       {"max_waiting", number(u.bulkhead->max_waiting)},
       {"max_wait", time(u.bulkhead->max_wait)}});
  add(values, "upstreams.NAME.retry_budget.",
      {{"ratio", number(u.retry_budget->ratio)}, {"min_per_second", number(u.retry_budget->min_per_second)}});
}

void add_queue(Values& values, const Queue& q) {
  add(values, "queues.NAME.",
      {{"spool", word(q.spool_path)},
       {"max_jobs", number(static_cast<double>(q.max_jobs))},
       {"max_bytes", bytes(q.max_bytes)},
       {"min_free_disk", bytes(q.min_free_disk)},
       {"job_ttl", time(q.job_ttl)},
       {"results.ttl", time(q.results_ttl)},
       {"replay.concurrency", number(q.replay.concurrency)},
       {"replay.max_attempts", number(q.replay.max_attempts)},
       {"replay.timeout", time(q.replay.timeout)},
       {"replay.backoff.base", time(q.replay.backoff.base)},
       {"replay.backoff.max", time(q.replay.backoff.max)}});
}

void add_listener(Values& values, const Listener& l) {
  add(values, "listeners[].",
      {{"jobs_path", word(l.jobs_path)},
       {"lame_duck", time(l.lame_duck)},
       {"tls.min_version", word(net::TlsServerConfig().min_version == net::TlsVersion::v1_2 ? "1.2" : "1.3")},
       {"limits.header_bytes", bytes(l.limits.header_bytes)},
       {"limits.headers", number(l.limits.headers)},
       {"limits.body", bytes(l.limits.body)},
       {"limits.connections", number(l.limits.connections)},
       {"limits.header_timeout", time(l.limits.header_timeout)},
       {"limits.body_timeout", time(l.limits.body_timeout)},
       {"limits.write_timeout", time(l.limits.write_timeout)},
       {"limits.idle_timeout", time(l.limits.idle_timeout)},
       {"limits.min_rate", [&l](const std::string& text) { return *parse_byte_rate(text) == l.limits.min_rate; }},
       {"limits.min_rate_grace", time(l.limits.min_rate_grace)}});
}

void add_route(Values& values, const Route& r) {
  const policy::RateLimitConfig& limit = r.rate_limit->limit;
  add(values, "listeners[].routes[].rate_limit.",
      {{"burst", number(limit.burst)},
       {"ipv6_prefix", number(r.rate_limit->ipv6_prefix)},
       {"idle_ttl", time(limit.idle_ttl)},
       {"max_keys", number(static_cast<double>(limit.max_keys))}});
  add(values, "listeners[].routes[].timeout.",
      {{"total", time(r.timeout.total)},
       {"per_try", time(r.timeout.per_try)},
       {"response_header", time(r.timeout.response_header)},
       {"idle", time(r.timeout.idle)},
       {"tunnel_idle", time(r.timeout.tunnel_idle)},
       {"header", word(r.timeout_header)}});
  add(values, "listeners[].routes[].retry.",
      {{"max_attempts", number(r.retry.max_attempts)},
       {"on", list(r.retry.on)},
       {"backoff.base", time(r.retry.backoff.base)},
       {"backoff.max", time(r.retry.backoff.max)}});
  add(values, "listeners[].routes[].buffering.",
      {{"request", bytes(r.buffering.request)},
       {"response", bytes(r.buffering.response)},
       {"max_temp", bytes(r.buffering.max_temp)}});
  const auto& enqueue = std::get<FallbackEnqueue>(r.fallback->action);
  add(values, "listeners[].routes[].fallback.",
      {{"on", list(r.fallback->on)},
       {"enqueue.max_body", bytes(enqueue.max_body)},
       {"enqueue.reference_timeout", time(enqueue.reference_timeout)}});
}

}  // namespace

TEST_CASE("what the reference page calls a default is the value of an absent key") {
  const auto config = load(kEverySection).config;
  REQUIRE(config != nullptr);
  Values values{{"workers", number(config->workers)},
                {"shutdown_grace", time(config->shutdown_grace)},
                {"limits.buffered", bytes(config->limits.buffered)},
                {"admin.address", word(config->admin.address.to_string())}};
  add_upstream(values, config->upstreams.at("u"));
  add_queue(values, config->queues.at("q"));
  add_listener(values, config->listeners[0]);
  add_route(values, config->listeners[0].routes[0]);
  const auto& respond = std::get<FallbackRespond>(config->listeners[0].routes[1].fallback->action);
  values["listeners[].routes[].fallback.respond.status"] = number(respond.status);
  values["listeners[].routes[].fallback.respond.content_type"] = word(respond.content_type);

  const Page page = read_page();
  for (const auto& [path, means] : values) {
    CAPTURE(path);
    REQUIRE(page.contains(path));
    CAPTURE(page.at(path));
    CHECK(means(page.at(path)));
  }
}

TEST_CASE("an absent section is off, and an empty one has its defaults") {
  const auto config = load(with(In::route, "fallback: {respond: }")).config;
  REQUIRE(config != nullptr);
  const Upstream& bare = config->upstreams.at("u");
  CHECK(!bare.breaker);
  CHECK(!bare.bulkhead);
  CHECK(!bare.retry_budget);
  const Route& route = config->listeners[0].routes[0];
  CHECK(!route.rate_limit);
  CHECK(route.retry.max_attempts == 1);
  CHECK(route.timeout_header == "X-Request-Timeout-Ms");
  CHECK(route.fallback->on.text() == "breaker_open, bulkhead_full, pool_full, connect_failure");
  CHECK(std::get<FallbackRespond>(route.fallback->action).status == 503);
  CHECK(config->listeners[0].jobs_path == "/_jobs/");
  CHECK(config->listeners[0].paths == http::PathRules{http::PathNormalization::normalize, http::EncodedSlashes::keep});

  for (const char* empty :
       {"breaker: {}\nbulkhead: {}\nretry_budget: {}", "breaker:\nbulkhead: ~\nretry_budget: null"}) {
    const auto switched_on = load(with(In::upstream, empty)).config;
    REQUIRE(switched_on != nullptr);
    const Upstream& upstream = switched_on->upstreams.at("u");
    REQUIRE(upstream.breaker);
    CHECK(upstream.breaker->failures.text() == "connect_failure, timeout, reset, 5xx");
    CHECK(!upstream.breaker->slow_call);
    CHECK(upstream.bulkhead);
    CHECK(upstream.retry_budget);
  }
  const auto retrying = load(with(In::route, "retry: {}\nrate_limit: {}")).config;
  REQUIRE(retrying != nullptr);
  CHECK(retrying->listeners[0].routes[0].retry.max_attempts == 2);
  CHECK(retrying->listeners[0].routes[0].retry.on.text() == "connect_failure");
  CHECK(retrying->listeners[0].routes[0].rate_limit->key.size() == 1);
}
