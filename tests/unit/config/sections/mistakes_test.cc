// A table of mistakes and the exact error of each.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("mistakes in an upstream") {
  check_all({
      {In::top, "upstreams: 5\nlisteners: 6",
       "t.yaml:1:12: upstreams: expected a section, not a value\nt.yaml:2:12: listeners: expected a list, not a "
       "value\nt.yaml:3:1: upstreams: duplicate key; first defined on line 1\nt.yaml:6:1: listeners: duplicate key; "
       "first defined on line 2"},
      {In::upstream, "breker: {}", "t.yaml:4:5: upstreams.u.breker: unknown key; did you mean `breaker`?"},
      {In::upstream, "balance: random",
       "t.yaml:4:14: upstreams.u.balance: unknown value `random`; one of: least_requests, round_robin"},
      {In::upstream, "connect_timeout: 0s", "t.yaml:4:22: upstreams.u.connect_timeout: must be at least 1ms, not 0s"},
      {In::upstream, "dns: 30s", "t.yaml:4:10: upstreams.u.dns: expected a section, not a value"},
      {In::upstream, "dns: {refresh: 30}", "t.yaml:4:20: upstreams.u.dns.refresh: `30` has no unit; write `30s`"},
      {In::upstream, "dns: {refresh: 500ms}", "t.yaml:4:20: upstreams.u.dns.refresh: must be at least 1s, not 500ms"},
      {In::upstream, "dns: {stale: 0s}", "t.yaml:4:18: upstreams.u.dns.stale: must be at least 1s, not 0s"},
      {In::upstream, "dns: {refresh_rate: 30s}",
       "t.yaml:4:11: upstreams.u.dns.refresh_rate: unknown key; did you mean `refresh`?"},
      {In::upstream, "max_connections: 0", "t.yaml:4:22: upstreams.u.max_connections: must be 1 to 1000000, not 0"},
      {In::upstream, "max_pending: -1", "t.yaml:4:18: upstreams.u.max_pending: must be 0 to 1000000, not -1"},
      {In::upstream, "pending_timeout: 0s", "t.yaml:4:22: upstreams.u.pending_timeout: must be at least 1ms, not 0s"},
      {In::upstream, "breaker: [1]", "t.yaml:4:14: upstreams.u.breaker: expected a section, not a list"},
      {In::upstream, "breaker: true", "t.yaml:4:14: upstreams.u.breaker: expected a section, not a value"},
      {In::upstream, "breaker: {failure_ratio: 1.5}",
       "t.yaml:4:30: upstreams.u.breaker.failure_ratio: must be 0 to 1, not 1.5"},
      {In::upstream, "breaker: {failure_ratio: 60%}",
       "t.yaml:4:30: upstreams.u.breaker.failure_ratio: `60%` is not a number such as `0.5`"},
      {In::upstream, "breaker: {open_for: 6m}",
       "t.yaml:4:25: upstreams.u.breaker.open_for: open_for (6m) is longer than open_for_max (5m)"},
      {In::upstream, "breaker: {open_for: 6m, open_for_max: 1m}",
       "t.yaml:4:43: upstreams.u.breaker.open_for_max: open_for (6m) is longer than open_for_max (1m)"},
      {In::upstream, "breaker: {open_for: 6x}",
       "t.yaml:4:25: upstreams.u.breaker.open_for: `6x` is not a duration such as `30s`; units are h, m, s, ms"},
      {In::upstream, "breaker: {consecutive_failures: 0, failure_ratio: 0}",
       "t.yaml:4:37: upstreams.u.breaker.consecutive_failures: the breaker can never open: consecutive_failures and "
       "failure_ratio are 0 and slow_call is absent; set one of them"},
      {In::upstream, "breaker: {slow_call: {ratio: 0}}",
       "t.yaml:4:34: upstreams.u.breaker.slow_call.ratio: must be greater than 0"},
      {In::upstream, "breaker: {window: 10ms, window_buckets: 100}",
       "t.yaml:4:45: upstreams.u.breaker.window_buckets: a bucket (window divided by window_buckets) is shorter than "
       "1ms"},
      {In::upstream, "breaker: {failures: []}",
       "t.yaml:4:25: upstreams.u.breaker.failures: is empty; list at least one condition"},
      {In::upstream, "breaker: {failures: 5xx}",
       "t.yaml:4:25: upstreams.u.breaker.failures: expected a list such as `[connect_failure, 503]`, not a value"},
      {In::upstream, "breaker: {failures: [timout, 999, [x]]}",
       "t.yaml:4:26: upstreams.u.breaker.failures[0]: unknown condition `timout`; did you mean "
       "`timeout`?\nt.yaml:4:34: upstreams.u.breaker.failures[1]: unknown condition `999`; one of: connect_failure, "
       "timeout, reset, 5xx, or a status such as 503\nt.yaml:4:39: upstreams.u.breaker.failures[2]: expected a "
       "condition, not a list"},
      {In::upstream, "breaker: {failures: [breaker_open]}",
       "t.yaml:4:26: upstreams.u.breaker.failures[0]: `breaker_open` is decided before an attempt; use it in "
       "`fallback.on`"},
      {In::upstream, "breaker: {mode: shaddow}",
       "t.yaml:4:21: upstreams.u.breaker.mode: unknown value `shaddow`; did you mean `shadow`?"},
      {In::upstream, "bulkhead: {max_concurrent: 0, max_wait: 5}",
       "t.yaml:4:32: upstreams.u.bulkhead.max_concurrent: must be 1 to 1000000, not 0\nt.yaml:4:45: "
       "upstreams.u.bulkhead.max_wait: `5` has no unit; write `5s`"},
      {In::upstream, "retry_budget: {ratio: -1}",
       "t.yaml:4:27: upstreams.u.retry_budget.ratio: `-1` is not a number such as `0.5`"},
  });
}

TEST_CASE("mistakes in endpoints") {
  const auto told = [](const std::string& endpoint) {
    return errors_of(
        "upstreams: {u: {endpoints: [" + endpoint +
        "]}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, match: {path: /}, upstream: u}]}]\n");
  };
  const std::string place = "t.yaml:1:29: upstreams.u.endpoints[0]: ";
  CHECK(told("'http://127.0.0.1:3001/'") == "");
  CHECK(told("'127.0.0.1:3001'") == place + "`127.0.0.1:3001` is not an endpoint such as `http://127.0.0.1:3001`");
  CHECK(told("'http://h:1/path'") ==
        place + "`http://h:1/path` must end after the port; the path of the request is used");
  CHECK(told("'http://h:1?x'") == place + "`http://h:1?x` must end after the port; the path of the request is used");
  CHECK(told("'http://user:secret@h:1'") == place + "`http://...@...` must not contain a user or password");
  CHECK(told("'http://h:0'") == place + "`http://h:0` has no valid port (1 to 65535)");
  CHECK(told("'http://h:65536'") == place + "`http://h:65536` has no valid port (1 to 65535)");
  CHECK(told("'http://h:'") == place + "`http://h:` has no valid port (1 to 65535)");
  CHECK(told("'http://::1:80'") == place + "`http://::1:80` has no valid host; write it as `http://127.0.0.1:3001`");
  CHECK(told("'http://[::1'") == place + "`http://[::1` has a [ without a closing ]");
  CHECK(told("'http://[1.2.3.4]:80'") == place + "`http://[1.2.3.4]:80` has no valid IPv6 address in its brackets");
  CHECK(told("'http://127.0.0.256'") ==
        place + "`http://127.0.0.256` has no valid host; write it as `http://127.0.0.1:3001`");
  CHECK(told("'http://'") == place + "`http://` has no valid host; write it as `http://127.0.0.1:3001`");
  CHECK(told("") == "t.yaml:1:28: upstreams.u.endpoints: at least one endpoint is required");
  CHECK(told("'http://h', 'http://h:80'") == "t.yaml:1:28: upstreams.u.endpoints: duplicate entry `h:80`");
  CHECK(told("{a: b}") == place + "expected an endpoint such as `http://127.0.0.1:3001`, not a section");
}

TEST_CASE("mistakes in a queue") {
  check_all({
      {In::queue, "max_jobs: 0", "t.yaml:4:15: queues.q.max_jobs: must be 1 to 1000000000, not 0"},
      {In::queue, "max_bytes: 10GB",
       "t.yaml:4:16: queues.q.max_bytes: `10GB` is not a size such as `10MiB`; units are B, KiB, MiB, GiB, TiB"},
      {In::queue, "max_bytes: 1B", "t.yaml:4:16: queues.q.max_bytes: must be 1KiB to 1024TiB, not 1B"},
      {In::queue, "min_free_disk: 64MB",
       "t.yaml:4:20: queues.q.min_free_disk: `64MB` is not a size such as `10MiB`; units are B, KiB, MiB, GiB, TiB"},
      {In::queue, "min_free_disk: 2000TiB", "t.yaml:4:20: queues.q.min_free_disk: `2000TiB` is larger than 1024TiB"},
      {In::queue, "min_free_dsk: 1MiB",
       "t.yaml:4:5: queues.q.min_free_dsk: unknown key; did you mean `min_free_disk`?"},
      {In::queue, "max_bytes: 4096",
       "t.yaml:4:16: queues.q.max_bytes: `4096` has no unit; write `4096MiB` or another of B, KiB, MiB, GiB, TiB"},
      {In::queue, "job_ttl: 10ms", "t.yaml:4:14: queues.q.job_ttl: must be at least 1s, not 10ms"},
      {In::queue, "results: {tll: 1h}", "t.yaml:4:15: queues.q.results.tll: unknown key; did you mean `ttl`?"},
      {In::queue, "durability: lax", "t.yaml:4:17: queues.q.durability: unknown value `lax`; one of: strict, relaxed"},
      {In::queue, "replay: {backoff: {base: 10s, max: 1s}}",
       "t.yaml:4:40: queues.q.replay.backoff.max: base (10s) is longer than max (1s)"},
      {In::queue, "replay: {backoff: {base: 10m}}",
       "t.yaml:4:30: queues.q.replay.backoff.base: base (10m) is longer than max (5m)"},
      {In::queue, "replay: {concurrency: 0, max_attempts: 0, timeout: 0s}",
       "t.yaml:4:27: queues.q.replay.concurrency: must be 1 to 10000, not 0\nt.yaml:4:44: "
       "queues.q.replay.max_attempts: must be 1 to 1000, not 0\nt.yaml:4:56: queues.q.replay.timeout: must be at least "
       "1ms, not 0s"},
      {In::top, "queues: {q: {}}", "t.yaml:1:13: queues.q.url: required key is missing"},
      {In::top, "queues: {q: {url: jobs.db}}",
       "t.yaml:1:19: queues.q.url: `jobs.db` is not a queue URL such as `sqlite:///var/lib/tidegate/jobs.db`"},
      {In::top, "queues: {q: {url: 'sqlite://jobs.db'}}",
       "t.yaml:1:19: queues.q.url: `sqlite://jobs.db` is not the URL of an absolute file path such as "
       "`sqlite:///var/lib/tidegate/jobs.db`"},
  });
}

TEST_CASE("mistakes in a listener") {
  check_all({
      {In::listener, "adress: 1", "t.yaml:7:5: listeners[0].adress: unknown key; did you mean `address`?"},
      {In::listener, "trusted_proxies: [10.0.0.0/33, 10.0.0.1]",
       "t.yaml:7:23: listeners[0].trusted_proxies[0]: `10.0.0.0/33` is not an IP address or prefix such as "
       "`10.0.0.0/8`"},
      {In::listener, "trusted_proxies: 10.0.0.0/8",
       "t.yaml:7:22: listeners[0].trusted_proxies: expected a list, not a value"},
      {In::listener, "jobs_path: /_jobs",
       "t.yaml:7:16: listeners[0].jobs_path: `/_jobs` is not a path such as `/_jobs/` that begins and ends with /"},
      {In::listener, "jobs_path: /",
       "t.yaml:7:16: listeners[0].jobs_path: `/` is not a path such as `/_jobs/` that begins and ends with /"},
      {In::listener, "lame_duck: 5", "t.yaml:7:16: listeners[0].lame_duck: `5` has no unit; write `5s`"},
      {In::listener, "limits: {min_rate: 1KiB}",
       "t.yaml:7:24: listeners[0].limits.min_rate: `1KiB` is not a rate such as `1KiB/s`"},
      {In::listener, "limits: {min_rate: 1k/s}",
       "t.yaml:7:24: listeners[0].limits.min_rate: `1k/s` is not a rate such as `1KiB/s`; units are B, KiB, MiB, GiB, "
       "TiB"},
      {In::listener, "limits: {header_bytes: 1B, headers: 0, connections: 0, idle_timeout: 0s}",
       "t.yaml:7:28: listeners[0].limits.header_bytes: must be 256B to 1MiB, not 1B\nt.yaml:7:41: "
       "listeners[0].limits.headers: must be 1 to 10000, not 0\nt.yaml:7:57: listeners[0].limits.connections: must be "
       "1 to 10000000, not 0\nt.yaml:7:74: listeners[0].limits.idle_timeout: must be at least 1ms, not 0s"},
  });
}

TEST_CASE("mistakes in a route") {
  check_all({
      {In::route, "rate_limt: {}",
       "t.yaml:11:9: listeners[0].routes[0].rate_limt: unknown key; did you mean `rate_limit`?"},
      {In::route, "upgrades: [websocket, h2c, WebSocket, \"web socket\", \"*\"]",
       "t.yaml:11:19: listeners[0].routes[0].upgrades: duplicate entry `websocket`\n"
       "t.yaml:11:31: listeners[0].routes[0].upgrades[1]: `h2c` would carry requests past every policy; remove it\n"
       "t.yaml:11:47: listeners[0].routes[0].upgrades[3]: `web socket` is not a protocol such as `websocket`\n"
       "t.yaml:11:61: listeners[0].routes[0].upgrades[4]: `*` is not a protocol such as `websocket`"},
      {In::route, "upgrades: websocket",
       "t.yaml:11:19: listeners[0].routes[0].upgrades: expected a list: write `[websocket]`, or `[]` for none"},
      {In::route, "upgrades: true",
       "t.yaml:11:19: listeners[0].routes[0].upgrades: expected a list: write `[websocket]`, or `[]` for none"},
      {In::route, "tunnel_idle: 5m",
       "t.yaml:11:22: listeners[0].routes[0].tunnel_idle: belongs in `timeout`: write `timeout: {tunnel_idle: …}`"},
      {In::route, "timeout: {idle_tunnel: 5m}",
       "t.yaml:11:19: listeners[0].routes[0].timeout.idle_tunnel: unknown key; did you mean `tunnel_idle`?"},
      {In::route, "buffering: on", "t.yaml:11:20: listeners[0].routes[0].buffering: expected a section or `off`"},
      {In::route, "buffering: {request: 300MiB}",
       "t.yaml:11:30: listeners[0].routes[0].buffering.request: 300MiB is larger than limits.buffered (256MiB)"},
      {In::route, "timeout: {totl: 1s}",
       "t.yaml:11:19: listeners[0].routes[0].timeout.totl: unknown key; did you mean `total`?"},
      {In::route, "timeout: {total: 0s, per_try: 15, header: \"X Y\"}",
       "t.yaml:11:26: listeners[0].routes[0].timeout.total: must be at least 1ms, not 0s\nt.yaml:11:39: "
       "listeners[0].routes[0].timeout.per_try: `15` has no unit; write `15s`\nt.yaml:11:51: "
       "listeners[0].routes[0].timeout.header: `X Y` is not a header field name"},
      {In::route, "retry: {max_attempts: 0, methods: GET, on: [bulkhead_full]}",
       "t.yaml:11:31: listeners[0].routes[0].retry.max_attempts: must be 1 to 100, not 0\nt.yaml:11:43: "
       "listeners[0].routes[0].retry.methods: unknown value `GET`; one of: idempotent, any\nt.yaml:11:53: "
       "listeners[0].routes[0].retry.on[0]: `bulkhead_full` is decided before an attempt; use it in `fallback.on`"},
      {In::route, "retry: {on: [pool_full]}",
       "t.yaml:11:22: listeners[0].routes[0].retry.on[0]: `pool_full` is decided before an attempt; use it in "
       "`fallback.on`"},
      {In::route, "rate_limit: {key: ip}",
       "t.yaml:11:27: listeners[0].routes[0].rate_limit.key: `ip` is not a rate limit key; write `client_ip`, "
       "`header:NAME` or `global`"},
      {In::route, "rate_limit: {key: ['header:', global]}",
       "t.yaml:11:28: listeners[0].routes[0].rate_limit.key[0]: `header:` is not a rate limit key; write `client_ip`, "
       "`header:NAME` or `global` (NAME is a header field name)"},
      {In::route, "rate_limit: {key: []}",
       "t.yaml:11:27: listeners[0].routes[0].rate_limit.key: is empty; write `global` for one limit shared by all "
       "clients"},
      {In::route, "rate_limit: {key: [global, global]}",
       "t.yaml:11:27: listeners[0].routes[0].rate_limit.key: duplicate entry `global`"},
      {In::route, "rate_limit: {rate: 10, burst: 0}",
       "t.yaml:11:28: listeners[0].routes[0].rate_limit.rate: `10` is not a rate such as `10/s` or "
       "`100/60s`\nt.yaml:11:39: listeners[0].routes[0].rate_limit.burst: must be 1 to 1000000000, not 0"},
      {In::route, "rate_limit: {rate: 10/60}",
       "t.yaml:11:28: listeners[0].routes[0].rate_limit.rate: `10/60` is not a rate such as `10/s`: after the / write "
       "h, m, s, ms or a duration such as `60s`"},
      {In::route, "rate_limit: {ipv6_prefix: 129, store: memcached, on_store_failure: maybe}",
       "t.yaml:11:35: listeners[0].routes[0].rate_limit.ipv6_prefix: must be 1 to 128, not 129\nt.yaml:11:47: "
       "listeners[0].routes[0].rate_limit.store: `memcached` is not `local` or a server such as "
       "`redis://127.0.0.1:6379/0`\nt.yaml:11:76: listeners[0].routes[0].rate_limit.on_store_failure: unknown value "
       "`maybe`; one of: local, allow, deny"},
      {In::route, "rate_limit: {algorithm: sliding_window, rate: 100000/60s, max_keys: 100000}",
       "t.yaml:11:77: listeners[0].routes[0].rate_limit.max_keys: 100000 clients with 100000 requests each can take "
       "76303 "
       "MiB of memory; lower max_keys or the count of rate, to at most 1024 MiB"},
      {In::route, "rate_limit: {algorithm: sliding_window, rate: 1500/m}",
       "t.yaml:11:21: listeners[0].routes[0].rate_limit.max_keys: 100000 clients with 1500 requests each can take 1153 "
       "MiB of memory; lower max_keys or the count of rate, to at most 1024 MiB"},
      {In::route, "rate_limit: {max_keys: 100000000}",
       "t.yaml:11:32: listeners[0].routes[0].rate_limit.max_keys: must be 1 to 10000000, not 100000000"},
      {In::route, "rate_limit: {algorithm: sliding_window, rate: 100000/60s, key: global}", ""},
      {In::route,
       "rate_limit: {algorithm: sliding_window, rate: 100000/60s, store: 'redis://h', on_store_failure: deny}", ""},
      {In::route, "rate_limit: {max_keys: 10000000}", ""},
      {In::route, "fallback: {}", "t.yaml:11:19: listeners[0].routes[0].fallback: requires `enqueue` or `respond`"},
      {In::route, "fallback:", "t.yaml:11:9: listeners[0].routes[0].fallback: requires `enqueue` or `respond`"},
      {In::route, "fallback: {respond: {status: 99}}",
       "t.yaml:11:38: listeners[0].routes[0].fallback.respond.status: must be 200 to 599, not 99"},
      {In::route, "fallback: {respond: {status: 204, body: x}}",
       "t.yaml:11:49: listeners[0].routes[0].fallback.respond.body: a response with status 204 has no body (RFC 9110); "
       "remove it"},
      {In::route, "fallback: {respond: {content_type: \"text/plain\\r\\nX: y\"}}",
       "t.yaml:11:44: listeners[0].routes[0].fallback.respond.content_type: `text/plain\\x0d\\nX: y` is not a media "
       "type such as `text/plain`"},
      {In::route, "fallback: {enqueue: {}}",
       "t.yaml:11:29: listeners[0].routes[0].fallback.enqueue.queue: required key is missing"},
  });
}

TEST_CASE("mistakes in a match") {
  const auto told = [](const std::string& match) {
    return errors_of(
        "upstreams: {u: {endpoints: ['http://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, "
        "upstream: u,\nmatch: {" +
        match + "}}]}]\n");
  };
  const std::string path = "listeners[0].routes[0].match.";
  CHECK(told("path: /a/*, host: '[::1]', methods: [GET, PURGE]") == "");
  CHECK(told("") == "t.yaml:3:8: " + path + "path: required key is missing");
  CHECK(told("path: optimize") == "t.yaml:3:15: " + path +
                                      "path: `optimize` is not a path such as `/optimize` or `/images/*`: it must "
                                      "begin with / and contain no space, ? or #");
  CHECK(told("path: /a/*/b") ==
        "t.yaml:3:15: " + path + "path: `/a/*/b` has a * before its end; only a final * is a wildcard");
  CHECK(told("path: /, methods: [post]") ==
        "t.yaml:3:28: " + path + "methods[0]: `post` matches no request: methods are case-sensitive; write `POST`");
  CHECK(told("path: /, methods: []") ==
        "t.yaml:3:27: " + path + "methods: is empty; remove the key to match every method");
  CHECK(told("path: /, methods: POST") == "t.yaml:3:27: " + path + "methods: expected a list, not a value");
  CHECK(told("path: /, methods: [GET, GET]") == "t.yaml:3:27: " + path + "methods: duplicate entry `GET`");
  CHECK(told("path: /, methods: [CONNECT]") ==
        "t.yaml:3:28: " + path + "methods[0]: `CONNECT` is not supported: Tidegate never forwards CONNECT");
  CHECK(told("path: /, host: 'http://x'") ==
        "t.yaml:3:24: " + path + "host: `http://x` is not a host; remove the scheme and the port");
  CHECK(told("path: /, host: 'x y'") == "t.yaml:3:24: " + path + "host: `x y` is not a host such as `api.example.org`");
}
