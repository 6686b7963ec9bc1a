// listeners[N].routes[N], without its fallback.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/sections.h"
#include "config/urls.h"
#include "config/values.h"

namespace tidegate::config {

namespace {

constexpr const char* kTimeoutHeader = "X-Request-Timeout-Ms";
constexpr uint32_t kWindowCountMax = 100'000;

void refuse_repeats(Section& section, std::string_view key, const std::vector<std::string>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    const auto end = items.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(items.begin(), end, items[i]) != end) section.error(key, "the same stands here twice");
  }
}

void read_match(Section& section, Match& out) {
  PathPattern pattern;
  if (section.require("path")) {
    section.parsed("path", pattern, "a path such as `/optimize` or `/images/*`", parse_path_pattern);
  }
  out.path = pattern.path;  // empty: it was bad, and matches nothing
  out.prefix = pattern.prefix;
  section.parsed("host", out.host, "a host such as `api.example.org`", parse_host);
  section.parsed_list("methods", out.methods, "a method such as `POST`", parse_method);
  refuse_repeats(section, "methods", out.methods);
  if (section.is_empty_list("methods")) section.error("methods", "names no method; leave the key out for all of them");
}

void read_timeout(Section& section, policy::TimeoutConfig& out, std::string& header) {
  section.duration("total", out.total);
  section.duration("per_try", out.per_try);
  section.duration("response_header", out.response_header);
  section.duration("idle", out.idle);
  const auto value = section.find("header");
  if (value && value->node->kind == Node::Kind::scalar && value->node->text.empty()) {
    header.clear();
  } else {
    section.parsed("header", header, "the name of a header field", parse_field_name);
  }
}

void read_retry(Section& section, policy::RetryConfig& out) {
  out.max_attempts = 2;
  out.on = *policy::Conditions::of({"connect_failure"});
  section.integer("max_attempts", out.max_attempts, 1, 100);
  read_conditions(section, "on", out.on, false);
  section.choice<bool>("methods", out.any_method, {{"idempotent", false}, {"any", true}});
  section.child("backoff", [&](Section& child) { read_backoff(child, out.backoff); });
}

void read_rate_key(Section& section, std::vector<RateKeyPart>& out) {
  constexpr std::string_view kExpected = "`client_ip`, `header:NAME`, `global` or a list of them";
  const auto value = section.find("key");
  if (!value) return;
  if (value->node->kind != Node::Kind::sequence) {
    if (RateKeyPart part; section.parsed("key", part, kExpected, parse_rate_key)) out = {part};
    return;
  }
  if (section.is_empty_list("key")) {
    section.error("key", "names nothing to tell clients apart by; write `global` for one limit");
  }
  section.parsed_list("key", out, kExpected, parse_rate_key);
  std::vector<std::string> names;
  for (const RateKeyPart& part : out) names.push_back(std::to_string(static_cast<int>(part.kind)) + part.header);
  refuse_repeats(section, "key", names);
}

// rate, burst, algorithm: how the count is done.
void read_rate(Section& section, policy::RateLimitConfig& out) {
  using policy::RateAlgorithm;
  section.choice<RateAlgorithm>(
      "algorithm", out.algorithm,
      {{"token_bucket", RateAlgorithm::token_bucket}, {"sliding_window", RateAlgorithm::sliding_window}});
  const bool window = out.algorithm == RateAlgorithm::sliding_window;
  Rate rate{out.count, out.window};
  section.parsed("rate", rate, "a rate such as `10/s`", parse_rate);
  out.rate_per_s = rate.per_second();
  out.count = rate.count;
  out.window = rate.window;
  if (window && rate.count > kWindowCountMax) {
    section.error("rate", fmt::format("sliding_window remembers each request: at most {} in a window, not {}",
                                      kWindowCountMax, rate.count));
  }
  int64_t burst = std::llround(out.burst);
  if (section.integer("burst", burst, 1, 1'000'000'000)) out.burst = static_cast<double>(burst);
  if (window && section.find("burst")) {
    section.error("burst", "means nothing to sliding_window, which never lets more than `rate` says pass");
  }
}

// Where the count is kept, and what holds while it cannot be had.
void read_rate_store(Section& section, RateLimit& out) {
  section.choice<OnStoreFailure>(
      "on_store_failure", out.on_store_failure,
      {{"local", OnStoreFailure::local}, {"allow", OnStoreFailure::allow}, {"deny", OnStoreFailure::deny}});
  const auto store = section.find("store");
  if (!store || (store->node->kind == Node::Kind::scalar && store->node->text == "local")) return;
  section.parsed("store", out.store.emplace(), "`local` or a server such as `redis://127.0.0.1:6379/0`",
                 parse_redis_url);
}

}  // namespace

void read_rate_limit(Section& section, RateLimit& out) {
  read_rate_key(section, out.key);
  read_rate(section, out.limit);
  read_rate_store(section, out);
  section.integer("ipv6_prefix", out.ipv6_prefix, 1, 128);
  section.duration("idle_ttl", out.limit.idle_ttl, 1s);
  section.integer("max_keys", out.limit.max_keys, 1, 100'000'000);
  section.choice<policy::Mode>("mode", out.limit.mode,
                               {{"enforce", policy::Mode::enforce}, {"shadow", policy::Mode::shadow}});
}

void read_route(Section& section, Route& out) {
  out.timeout_header = kTimeoutHeader;
  out.match.path.clear();
  if (section.require("name")) section.parsed("name", out.name, "a name", parse_name);
  if (section.has("match")) section.child("match", [&](Section& child) { read_match(child, out.match); });
  else section.require("match");
  if (section.require("upstream")) section.text("upstream", out.upstream);
  section.child("rate_limit", [&](Section& child) { read_rate_limit(child, out.rate_limit.emplace()); });
  section.child("timeout", [&](Section& child) { read_timeout(child, out.timeout, out.timeout_header); });
  section.child("retry", [&](Section& child) { read_retry(child, out.retry); });
  section.child("fallback", [&](Section& child) { read_fallback(child, out.fallback.emplace()); });
  section.child("breaker", [&](Section& child) { out.breaker = read_breaker(child); });
  section.child("bulkhead", [&](Section& child) { out.bulkhead = read_bulkhead(child); });
}

}  // namespace tidegate::config
