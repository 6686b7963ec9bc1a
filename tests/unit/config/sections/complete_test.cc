// Every key of the file with a value other than its default, and the value in Config.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

const char* const kComplete = R"(workers: 3
shutdown_grace: 31s
limits: {buffered: 255MiB}
log: {level: warn, format: json, access: all, query: off}
admin:
  address: 10.0.0.1:9902
  token: ${TOKEN}
  read_only: true
  hosts: [tidegate.internal, Watermark]
takeover: {socket: /run/takeover.sock}
upstreams:
  optimizer:
    endpoints: [http://127.0.0.1:3001, "http://[::1]:3002/", http://optimizer.internal]
    balance: round_robin
    connect_timeout: 4s
    max_connections: 101
    max_pending: 102
    pending_timeout: 7s
    max_idle_connections: 11
    idle_timeout: 91s
    health_check: {path: "/up?deep=1", interval: 6s, timeout: 3s, unhealthy_after: 4, healthy_after: 5, expect: [200, 3xx]}
    outlier_ejection: {consecutive_failures: 7, eject_for: 31s, eject_for_max: 7m, max_ejected: 0.25}
    breaker:
      consecutive_failures: 6
      failure_ratio: 0.7
      min_requests: 12
      window: 20s
      window_buckets: 5
      slow_call: {threshold: 9s, ratio: 0.9}
      open_for: 29s
      open_for_max: 6m
      half_open_requests: 2
      half_open_timeout: 28s
      failures: [timeout, 503]
      mode: shadow
    bulkhead: {max_concurrent: 12, max_waiting: 90, max_wait: 6s}
    retry_budget: {ratio: 0.3, min_per_second: 4}
queues:
  optimize-jobs:
    url: sqlite:///var/lib/tidegate/./x/../jobs.db
    results: {url: , ttl: 25h}
    spool: /var/lib/tidegate/spool.db
    durability: strict
    max_jobs: 100001
    max_bytes: 11GiB
    min_free_disk: 65MiB
    job_ttl: 26h
    replay: {concurrency: 5, max_attempts: 6, timeout: 61s, backoff: {base: 2s, max: 6m, jitter: decorrelated}}
listeners:
  - name: egress
    address: "[::1]:8081"
    trusted_proxies: [10.0.0.0/8, "::1"]
    jobs_path: /_work/
    path_normalization: reject
    encoded_slashes: reject
    lame_duck: 5s
    limits: {header_bytes: 33KiB, headers: 101, body: 33MiB, connections: 10001,
             header_timeout: 6s, body_timeout: 61s, write_timeout: 62s, idle_timeout: 121s, min_rate: 2KiB/s, min_rate_grace: 11s}
    routes:
      - name: optimize
        match: {methods: [POST, PUT], host: API.example.org, path: /optimize/*}
        upstream: optimizer
        rate_limit: {key: [client_ip, "header:X-Api-Key"], rate: 100/50s, burst: 21, algorithm: token_bucket,
                     store: local, on_store_failure: deny, ipv6_prefix: 56, idle_ttl: 4m, max_keys: 1000, mode: shadow}
        timeout: {total: 32s, per_try: 16s, response_header: 11s, idle: 62s, tunnel_idle: 63s, header: X-Deadline-Ms}
        retry: {max_attempts: 3, on: [reset, 502], methods: any, backoff: {base: 200ms, max: 3s, jitter: none}}
        buffering: {request: 2MiB, response: 3MiB, max_temp: 65MiB}
        upgrades: [WebSocket, foo/2]
        fallback:
          on: [breaker_open, 5xx]
          enqueue: {queue: optimize-jobs, max_body: 31MiB, body: inline, reference_hosts: [], drop_headers: [X-Secret]}
        breaker: {consecutive_failures: 1}
        bulkhead: {}
      - name: rest
        match: {methods: , host: , path: /}
        upstream: optimizer
        rate_limit: {key: global}
        timeout: {header: ""}
        retry:
        buffering: off
        upgrades: []
        fallback: {respond: {status: 200, content_type: "application/json; charset=utf-8", body: "[]"}}
)";

std::shared_ptr<const Config> complete() {
  const auto result = load(kComplete, {{"TOKEN", "t0ken"}});
  for (const Diagnostic& error : result.errors) MESSAGE(error.to_string());
  REQUIRE(result.config != nullptr);
  return result.config;
}

}  // namespace

TEST_CASE("every key of the top level, the log and the admin interface is read") {
  const auto config = complete();
  CHECK(config->file == "t.yaml");
  CHECK(config->workers == 3);
  CHECK(config->shutdown_grace == 31s);
  CHECK(config->limits.buffered == 255ull << 20);
  CHECK(config->log.level == LogLevel::warn);
  CHECK(config->log.format == LogFormat::json);
  CHECK(config->log.access == AccessLog::all);
  CHECK(config->log.query == http::ShownQuery::off);
  CHECK(config->admin.address.to_string() == "10.0.0.1:9902");
  CHECK(config->admin.token == "t0ken");
  CHECK(config->admin.read_only);
  CHECK(config->admin.hosts == std::vector<std::string>{"tidegate.internal", "watermark"});
  CHECK(config->takeover_socket == "/run/takeover.sock");
}

TEST_CASE("every key of an upstream is read") {
  const auto config = complete();
  const Upstream& upstream = config->upstreams.at("optimizer");
  CHECK(upstream.name == "optimizer");
  REQUIRE(upstream.endpoints.size() == 3);
  CHECK(upstream.endpoints[0].authority == "127.0.0.1:3001");
  CHECK(upstream.endpoints[1].host == "::1");
  CHECK(upstream.endpoints[1].authority == "[::1]:3002");
  CHECK(upstream.endpoints[2].host == "optimizer.internal");
  CHECK(upstream.endpoints[2].port == 80);
  CHECK(upstream.endpoints[2].authority == "optimizer.internal:80");
  CHECK(upstream.balance == Balance::round_robin);
  CHECK(upstream.connect_timeout == 4s);
  CHECK(upstream.max_connections == 101);
  CHECK(upstream.max_pending == 102);
  CHECK(upstream.pending_timeout == 7s);
  CHECK(upstream.max_idle_connections == 11);
  CHECK(upstream.idle_timeout == 91s);
  REQUIRE(upstream.health_check);
  CHECK(upstream.health_check->path == "/up?deep=1");
  CHECK(upstream.health_check->interval == 6s);
  CHECK(upstream.health_check->timeout == 3s);
  CHECK(upstream.health_check->unhealthy_after == 4);
  CHECK(upstream.health_check->healthy_after == 5);
  CHECK(upstream.health_check->expect.text() == "200, 3xx");
  REQUIRE(upstream.outlier_ejection);
  CHECK(upstream.outlier_ejection->consecutive_failures == 7);
  CHECK(upstream.outlier_ejection->eject_for == 31s);
  CHECK(upstream.outlier_ejection->eject_for_max == 7min);
  CHECK(upstream.outlier_ejection->max_ejected == 0.25);
  CHECK(upstream.bulkhead->max_concurrent == 12);
  CHECK(upstream.bulkhead->max_waiting == 90);
  CHECK(upstream.bulkhead->max_wait == 6s);
  CHECK(upstream.retry_budget->ratio == 0.3);
  CHECK(upstream.retry_budget->min_per_second == 4);
}

TEST_CASE("every key of a breaker is read") {
  const auto config = complete();
  const policy::BreakerConfig& breaker = *config->upstreams.at("optimizer").breaker;
  CHECK(breaker.consecutive_failures == 6);
  CHECK(breaker.failure_ratio == 0.7);
  CHECK(breaker.min_requests == 12);
  CHECK(breaker.window == 20s);
  CHECK(breaker.window_buckets == 5);
  CHECK(breaker.slow_call->threshold == 9s);
  CHECK(breaker.slow_call->ratio == 0.9);
  CHECK(breaker.open_for == 29s);
  CHECK(breaker.open_for_max == 6min);
  CHECK(breaker.half_open_requests == 2);
  CHECK(breaker.half_open_timeout == 28s);
  CHECK(breaker.failures.has(policy::AttemptResult::timeout));
  CHECK(breaker.failures.has_status(503));
  CHECK(!breaker.failures.has_status(500));
  CHECK(!breaker.failures.has(policy::AttemptResult::reset));
  CHECK(breaker.mode == policy::Mode::shadow);
}

TEST_CASE("every key of a queue is read") {
  const auto config = complete();
  const Queue& queue = config->queues.at("optimize-jobs");
  CHECK(queue.name == "optimize-jobs");
  CHECK(std::get<SqliteUrl>(queue.url).path == "/var/lib/tidegate/jobs.db");
  CHECK(queue.results_ttl == 25h);
  CHECK(queue.max_jobs == 100001);
  CHECK(queue.max_bytes == 11ull << 30);
  CHECK(queue.min_free_disk == 65ull << 20);
  CHECK(queue.job_ttl == 26h);
  CHECK(queue.replay.concurrency == 5);
  CHECK(queue.replay.max_attempts == 6);
  CHECK(queue.replay.timeout == 61s);
  CHECK(queue.replay.backoff.base == 2s);
  CHECK(queue.replay.backoff.max == 6min);
  CHECK(queue.replay.backoff.jitter == policy::Jitter::decorrelated);
}

TEST_CASE("every key of a listener is read") {
  const auto config = complete();
  const Listener& listener = config->listeners.at(0);
  CHECK(listener.name == "egress");
  CHECK(listener.address.to_string() == "[::1]:8081");
  REQUIRE(listener.trusted_proxies.size() == 2);
  CHECK(listener.trusted_proxies[0].prefix_bits == 8);
  CHECK(listener.jobs_path == "/_work/");
  CHECK(listener.paths == http::PathRules{http::PathNormalization::reject, http::EncodedSlashes::reject});
  CHECK(listener.lame_duck == 5s);
  CHECK(listener.limits.header_bytes == 33 * 1024);
  CHECK(listener.limits.headers == 101);
  CHECK(listener.limits.body == 33ull << 20);
  CHECK(listener.limits.connections == 10001);
  CHECK(listener.limits.header_timeout == 6s);
  CHECK(listener.limits.body_timeout == 61s);
  CHECK(listener.limits.write_timeout == 62s);
  CHECK(listener.limits.idle_timeout == 121s);
  CHECK(listener.limits.min_rate == 2048);
  CHECK(listener.limits.min_rate_grace == 11s);
  CHECK(listener.routes.size() == 2);
}

TEST_CASE("every key of a route is read") {
  const auto config = complete();
  const Route& route = config->listeners.at(0).routes.at(0);
  CHECK(route.name == "optimize");
  CHECK(route.match.methods == std::vector<std::string>{"POST", "PUT"});
  CHECK(route.match.host == "api.example.org");
  CHECK(route.match.path == "/optimize/");
  CHECK(route.match.prefix);
  CHECK(route.upstream == "optimizer");
  CHECK(route.timeout.total == 32s);
  CHECK(route.timeout.per_try == 16s);
  CHECK(route.timeout.response_header == 11s);
  CHECK(route.timeout.idle == 62s);
  CHECK(route.timeout.tunnel_idle == 63s);
  CHECK(route.timeout_header == "X-Deadline-Ms");
  CHECK(route.retry.max_attempts == 3);
  CHECK(route.retry.on.text() == "reset, 502");
  CHECK(route.retry.any_method);
  CHECK(route.retry.backoff.base == 200ms);
  CHECK(route.retry.backoff.max == 3s);
  CHECK(route.retry.backoff.jitter == policy::Jitter::none);
  CHECK(route.buffering.request == 2ull << 20);
  CHECK(route.buffering.response == 3ull << 20);
  CHECK(route.buffering.max_temp == 65ull << 20);
  const Buffering& off = config->listeners.at(0).routes.at(1).buffering;
  CHECK(off.request + off.response + off.max_temp == 0);
  CHECK(route.upgrades == std::vector<std::string>{"websocket", "foo/2"});
  CHECK(config->listeners.at(0).routes.at(1).upgrades.empty());
  CHECK(route.breaker->consecutive_failures == 1);
  CHECK(route.bulkhead->max_concurrent == 10);
}

TEST_CASE("every key of a rate limit is read") {
  const auto config = complete();
  const RateLimit& limit = *config->listeners.at(0).routes.at(0).rate_limit;
  REQUIRE(limit.key.size() == 2);
  CHECK(limit.key[0].kind == RateKeyPart::Kind::client_ip);
  CHECK(limit.key[1].kind == RateKeyPart::Kind::header);
  CHECK(limit.key[1].header == "X-Api-Key");
  CHECK(limit.limit.rate_per_s == 2);
  CHECK(limit.limit.burst == 21);
  CHECK(limit.ipv6_prefix == 56);
  CHECK(limit.limit.idle_ttl == 4min);
  CHECK(limit.limit.max_keys == 1000);
  CHECK(limit.limit.mode == policy::Mode::shadow);
}

TEST_CASE("every key of both kinds of fallback is read") {
  const auto config = complete();
  const Fallback& first = *config->listeners.at(0).routes.at(0).fallback;
  CHECK(first.on.has(policy::Outcome::breaker_open));
  CHECK(!first.on.has(policy::Outcome::bulkhead_full));
  CHECK(first.on.has_status(599));
  const auto& enqueue = std::get<FallbackEnqueue>(first.action);
  CHECK(enqueue.queue == "optimize-jobs");
  CHECK(enqueue.max_body == 31ull << 20);
  CHECK(enqueue.drop_headers == std::vector<std::string>{"x-secret"});
  const auto& respond = std::get<FallbackRespond>(config->listeners.at(0).routes.at(1).fallback->action);
  CHECK(respond.status == 200);
  CHECK(respond.content_type == "application/json; charset=utf-8");
  CHECK(respond.body == "[]");
}

TEST_CASE("workers: auto means one worker per CPU") {
  CHECK(load(with(In::top, "workers: auto")).config->workers == 0);
}

TEST_CASE("text is taken as written") {
  const auto config = load(with(In::route, "fallback: {respond: {body: 010}}")).config;
  REQUIRE(config != nullptr);
  CHECK(std::get<FallbackRespond>(config->listeners[0].routes[0].fallback->action).body == "010");
}
