// upstreams.NAME, and the policies that an upstream and a route share.
#include <fmt/format.h>

#include <algorithm>

#include "config/sections.h"
#include "config/values.h"

namespace tidegate::config {

namespace {

constexpr int kConnectionsMax = 1'000'000;
constexpr int kCountMax = 1'000'000'000;

void read_endpoints(Section& section, std::vector<Endpoint>& out) {
  if (!section.require("endpoints")) return;
  if (section.is_empty_list("endpoints")) section.error("endpoints", "at least one endpoint is needed");
  section.parsed_list("endpoints", out, "an endpoint such as `http://127.0.0.1:3001`", parse_endpoint);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto same = [&](const Endpoint& other) { return other.authority == out[i].authority; };
    if (std::any_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      section.error("endpoints", fmt::format("{} stands here twice", out[i].authority));
    }
  }
}

// The keys are known, so that their mistakes are told apart from what is not supported yet.
void read_tls(Section& section) {
  Duration handshake_timeout{};
  section.duration("handshake_timeout", handshake_timeout);
  for (const char* key : {"ca_file", "cert_file", "key_file", "server_name"}) {
    section.unsupported_text(key, "TLS towards upstreams");
  }
}

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

void read_retry_budget(Section& section, policy::RetryBudgetConfig& out) {
  section.number("ratio", out.ratio, 0, 1000);
  section.number("min_per_second", out.min_per_second, 0, kCountMax);
}

void read_slow_call(Section& section, policy::SlowCallRule& out) {
  out = {8s, 0.8};
  section.duration("threshold", out.threshold);
  if (section.number("ratio", out.ratio, 0, 1) && out.ratio <= 0) section.error("ratio", "must be more than 0");
}

// What no single key of a breaker can know.
void check_breaker(Section& section, const policy::BreakerConfig& breaker, bool good_times) {
  if (good_times && breaker.open_for > breaker.open_for_max) {
    section.error(section.has("open_for_max") ? "open_for_max" : "open_for",
                  fmt::format("open_for ({}) is longer than open_for_max ({})", show_duration(breaker.open_for),
                              show_duration(breaker.open_for_max)));
  }
  if (breaker.consecutive_failures == 0 && breaker.failure_ratio <= 0 && !breaker.slow_call) {
    section.error("consecutive_failures",
                  "the breaker could never open: consecutive_failures and failure_ratio are 0 and slow_call is absent");
  }
  if (breaker.window / breaker.window_buckets < 1ms) section.error("window_buckets", "a bucket is shorter than 1ms");
}

}  // namespace

bool read_conditions(Section& section, std::string_view key, policy::Conditions& out, bool decisions) {
  const auto items = section.list(key, "a list such as `[connect_failure, 503]`");
  if (!items) return false;
  if (items->empty()) section.error(key, "names no condition");
  static const std::vector<std::string_view> kTries{"connect_failure", "timeout", "reset", "5xx"};
  static const std::vector<std::string_view> kAll{"breaker_open", "bulkhead_full", "connect_failure",
                                                  "timeout",      "reset",         "5xx"};
  policy::Conditions read;
  bool good = !items->empty();
  for (const Value& item : *items) {
    const auto name = section.scalar(item, "a condition");
    good = name && good;
    if (!name) continue;
    if (!decisions && (*name == "breaker_open" || *name == "bulkhead_full")) {
      good =
          section.refuse(item, "a condition", shown(*name) + " is decided before a try; it belongs in `fallback.on`");
    } else if (!read.add(*name)) {
      good = section.refuse(item, "a condition",
                            "unknown condition " + shown(*name) + suggestion(*name, decisions ? kAll : kTries) +
                                (nearest(*name, kAll) ? "" : ", or a status such as 503"));
    }
  }
  if (good) out = read;
  return good;
}

policy::BreakerConfig read_breaker(Section& section) {
  policy::BreakerConfig breaker;
  breaker.failures = *policy::Conditions::of({"connect_failure", "timeout", "reset", "5xx"});
  section.integer("consecutive_failures", breaker.consecutive_failures, 0, kCountMax);
  section.number("failure_ratio", breaker.failure_ratio, 0, 1);
  section.integer("min_requests", breaker.min_requests, 1, kCountMax);
  section.duration("window", breaker.window);
  section.integer("window_buckets", breaker.window_buckets, 1, 1000);
  if (section.has("slow_call")) {
    section.child("slow_call", [&](Section& child) { read_slow_call(child, breaker.slow_call.emplace()); });
  } else {
    section.find("slow_call");
  }
  const bool good_open = section.duration("open_for", breaker.open_for);
  const bool good_max = section.duration("open_for_max", breaker.open_for_max);
  section.integer("half_open_requests", breaker.half_open_requests, 1, kCountMax);
  section.duration("half_open_timeout", breaker.half_open_timeout);
  read_conditions(section, "failures", breaker.failures, false);
  section.choice<policy::Mode>("mode", breaker.mode,
                               {{"enforce", policy::Mode::enforce}, {"shadow", policy::Mode::shadow}});
  check_breaker(section, breaker, good_open && good_max);
  return breaker;
}

policy::BulkheadConfig read_bulkhead(Section& section) {
  policy::BulkheadConfig bulkhead;
  section.integer("max_concurrent", bulkhead.max_concurrent, 1, kConnectionsMax);
  section.integer("max_waiting", bulkhead.max_waiting, 0, kConnectionsMax);
  section.duration("max_wait", bulkhead.max_wait, 0ms);
  return bulkhead;
}

void read_backoff(Section& section, policy::BackoffConfig& out) {
  const bool good_base = section.duration("base", out.base);
  const bool good_max = section.duration("max", out.max);
  section.choice<policy::Jitter>("jitter", out.jitter,
                                 {{"none", policy::Jitter::none},
                                  {"full", policy::Jitter::full},
                                  {"equal", policy::Jitter::equal},
                                  {"decorrelated", policy::Jitter::decorrelated}});
  if (good_base && good_max && out.base > out.max) {
    section.error(section.has("max") ? "max" : "base",
                  fmt::format("base ({}) is longer than max ({})", show_duration(out.base), show_duration(out.max)));
  }
}

void read_upstream(Section& section, Upstream& out) {
  read_endpoints(section, out.endpoints);
  section.choice<Balance>("balance", out.balance,
                          {{"least_requests", Balance::least_requests}, {"round_robin", Balance::round_robin}});
  section.duration("connect_timeout", out.connect_timeout);
  section.child("tls", read_tls);
  section.integer("max_connections", out.max_connections, 1, kConnectionsMax);
  section.integer("max_idle_connections", out.max_idle_connections, 0, kConnectionsMax);
  section.duration("idle_timeout", out.idle_timeout);
  if (section.has("health_check")) section.unsupported("health_check", "active health checks; leave the section out");
  section.child("health_check", read_health_check);
  section.child("breaker", [&](Section& child) { out.breaker = read_breaker(child); });
  section.child("bulkhead", [&](Section& child) { out.bulkhead = read_bulkhead(child); });
  section.child("retry_budget", [&](Section& child) { read_retry_budget(child, out.retry_budget.emplace()); });
}

}  // namespace tidegate::config
