#include "sim/settings.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "http/message/head.h"
#include "support/tls_contexts.h"

namespace tidegate::sim {

std::optional<int> version_of_field(std::string_view name) {
  if (name.size() <= Settings::kMark.size()) return std::nullopt;
  if (!http::iequals(name.substr(0, Settings::kMark.size()), Settings::kMark)) return std::nullopt;
  int number = 0;
  std::from_chars(name.data() + Settings::kMark.size(), name.data() + name.size(), number);
  return number;
}

Settings::Settings(Random& random, bool marked, bool tls) : marked_(marked), tls_(tls) { choose_limits(random); }

std::string Settings::address_of(int endpoint) { return fmt::format("10.0.0.{}:3001", 2 + endpoint); }

void Settings::choose_limits(Random& random) {
  connections_ = 2 + random.below(10);
  pending_ = random.below(6);
  failures_ = 2 + random.below(5);
  buckets_ = random.chance(0.3) ? 1 : 10;
  probes_ = 1 + random.below(2);
  places_ = 2 + random.below(6);
  jobs_ = 3 + random.below(40);
  job_attempts_ = 3 + random.below(4);
  tries_ = 1 + random.below(3);
}

void Settings::change(Random& random) {
  ++number_;
  const auto changes = 1 + random.below(4);
  for (uint64_t i = 0; i < changes; ++i) change_one(random);
  more_ = more_ && other_;
  if (!work_ && !plain_) work_ = true;
}

void Settings::change_one(Random& random) {
  switch (random.below(16)) {
    case 0: places_ = 1 + random.below(8); break;
    case 1: connections_ = 1 + random.below(11); break;
    case 2: failures_ = 2 + random.below(5); break;
    case 3: breaker_ = !breaker_; break;
    case 4: bulkhead_ = !bulkhead_; break;
    case 5: retry_budget_ = !retry_budget_; break;
    case 6: health_check_ = !health_check_; break;
    case 7: ejection_ = !ejection_; break;
    case 8:
      endpoints_.clear();
      for (int i = 0; i + 1 < kEndpoints; ++i) {
        if (random.chance(0.5)) endpoints_.push_back(i);
      }
      if (endpoints_.empty()) endpoints_.push_back(static_cast<int>(random.below(kEndpoints - 1)));
      fewest_requests_ = random.chance(0.5);
      break;
    case 9: work_ = !work_; break;
    case 10: work_responds_ = !work_responds_; break;
    case 11:
      plain_ = random.chance(0.7);
      plain_first_ = !plain_first_;
      break;
    case 12: other_ = !other_; break;
    case 13: more_ = other_ = !more_; break;
    case 14: second_listener_ = !second_listener_; break;
    case 15:
      body_kib_ = 100 + random.below(1000);
      replay_timeout_s_ = 2 + random.below(4);
      burst_ = 10 + random.below(10);
      break;
  }
}

void Settings::settle() {
  ++number_;
  endpoints_ = {0};
  work_ = plain_ = other_ = more_ = true;
  work_responds_ = false;
}

std::string Settings::endpoint(int number) const { return (tls_ ? "https://" : "http://") + address_of(number); }

std::string Settings::tls() const {
  return tls_ ? fmt::format("{{ca_file: {}}}", test::Authority::of_program().ca_file()) : "{}";
}

std::string Settings::upstreams() const {
  std::vector<std::string> endpoints;
  for (const int number : endpoints_) endpoints.push_back(endpoint(number));
  std::string text = fmt::format(R"(
upstreams:
  up:
    endpoints: [{endpoints}]
    tls: {tls}
    balance: {balance}
    connect_timeout: 1s
    max_connections: {connections}
    max_pending: {pending}
    pending_timeout: 500ms
    max_idle_connections: {idle}
    idle_timeout: 5s
)",
                                 fmt::arg("endpoints", fmt::join(endpoints, ", ")), fmt::arg("tls", tls()),
                                 fmt::arg("balance", fewest_requests_ ? "least_requests" : "round_robin"),
                                 fmt::arg("connections", connections_), fmt::arg("pending", pending_),
                                 fmt::arg("idle", std::min<uint64_t>(3, connections_)));
  if (breaker_) {
    text += fmt::format(
        "    breaker: {{consecutive_failures: {}, failure_ratio: 0.6, min_requests: 10, window: 10s, window_buckets: "
        "{}, open_for: 5s, open_for_max: 20s, half_open_requests: {}, half_open_timeout: 9s}}\n",
        failures_, buckets_, probes_);
  }
  if (bulkhead_)
    text += fmt::format("    bulkhead: {{max_concurrent: {}, max_waiting: 5, max_wait: 500ms}}\n", places_);
  if (retry_budget_) text += "    retry_budget: {ratio: 0.5, min_per_second: 2}\n";
  if (health_check_) text += "    health_check: {interval: 1s, timeout: 500ms, unhealthy_after: 2, healthy_after: 2}\n";
  if (ejection_) text += "    outlier_ejection: {consecutive_failures: 3, eject_for: 5s, eject_for_max: 15s}\n";
  if (other_) {
    text +=
        fmt::format("  other: {{endpoints: [{}], tls: {}, connect_timeout: 1s}}\n", endpoint(kEndpoints - 1), tls());
  }
  return text;
}

std::string Settings::queues() const {
  constexpr auto kQueue = R"(
  {name}:
    url: sqlite:///{name}.db
    job_ttl: 24h
    max_jobs: {jobs}
    replay: {{concurrency: 3, max_attempts: {attempts}, timeout: {timeout}s, backoff: {{base: 500ms, max: 10s, jitter: equal}}}})";
  const auto queue = [&](const char* name) {
    return fmt::format(kQueue, fmt::arg("name", name), fmt::arg("jobs", jobs_), fmt::arg("attempts", job_attempts_),
                       fmt::arg("timeout", replay_timeout_s_));
  };
  return "queues:" + queue("q") + (more_ ? queue("q2") : "") + "\n";
}

std::string Settings::time_limits(int total_ms) const {
  return fmt::format("timeout: {{total: {}ms, per_try: 3s, response_header: 2s, idle: 3s{}}}", total_ms + 10 * number_,
                     marked_ ? fmt::format(", header: X-Version-{}", number_) : "");
}

std::string Settings::work() const {
  const std::string action = work_responds_ ? fmt::format("respond: {{status: 503, body: version {}}}", number_)
                                            : "enqueue: {queue: q, max_body: 512KiB}";
  return fmt::format(R"(
      - name: work
        match: {{methods: [POST, GET], path: /work}}
        upstream: up
        rate_limit: {{key: global, rate: 20/s, burst: {burst}}}
        {time_limits}
        retry: {{max_attempts: {tries}, on: [connect_failure, reset, 503], methods: idempotent,
                backoff: {{base: 50ms, max: 1s, jitter: full}}}}
        fallback:
          on: [breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset, 502, 503, 504]
          {action})",
                     fmt::arg("burst", burst_), fmt::arg("time_limits", time_limits(6000)), fmt::arg("tries", tries_),
                     fmt::arg("action", action));
}

std::string Settings::routes() const {
  const std::string plain = fmt::format(R"(
      - name: plain
        match: {{methods: [POST, GET], path: /plain}}
        upstream: {}
        {})",
                                        other_ ? "other" : "up", time_limits(5000));
  const std::string more = fmt::format(R"(
      - name: more
        match: {{methods: [POST, GET], path: /more}}
        upstream: other
        {}
        fallback: {{on: [pool_full, connect_failure, timeout, reset, 503], enqueue: {{queue: q2, max_body: 512KiB}}}})",
                                       time_limits(5500));
  constexpr auto kTunnel = R"(
      - name: tunnel
        match: {methods: [GET], path: /tunnel}
        upstream: up
        timeout: {total: 1s, idle: 5s, tunnel_idle: 20s}
        fallback: {on: [breaker_open, bulkhead_full, timeout, 503], enqueue: {queue: q}})";
  std::string routes;
  if (plain_ && plain_first_) routes += plain;
  if (more_) routes += more;
  if (work_) routes += work();
  if (plain_ && !plain_first_) routes += plain;
  return routes + kTunnel;
}

std::string Settings::yaml() const {
  constexpr auto kListener = R"(
  - name: {}
    address: 10.0.0.1:{}
    limits: {{body: {}KiB, body_timeout: 5s}}
    routes:{})";
  std::string text = "admin: {address: 127.0.0.1:9901}\nshutdown_grace: 8s" + upstreams() + queues() +
                     "listeners:" + fmt::format(kListener, "in", 8081, body_kib_, routes());
  if (second_listener_) {
    text += fmt::format(kListener, "in2", 8082, body_kib_, R"(
      - name: second
        match: {methods: [POST, GET], path: /plain}
        upstream: up
        )" + time_limits(5000));
  }
  return text + "\n";
}

}  // namespace tidegate::sim
