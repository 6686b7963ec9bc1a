// Keys whose feature comes later: known, checked, and refused where they ask for it.
#include <doctest/doctest.h>

#include "load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("what comes later is told apart from what is wrong") {
  const std::string route = "listeners[0].routes[0].";
  check_all({
      {In::upstream, "tls: {handshake_timeout: 6s}", ""},
      {In::upstream, "tls: {handshake_timeout: 6}",
       "t.yaml:4:30: upstreams.u.tls.handshake_timeout: `6` has no unit; write `6s`"},
      {In::upstream, "tls: {ca_file: /ca, cert_file: '', server_name: x}",
       "t.yaml:4:20: upstreams.u.tls.ca_file: not supported yet: TLS towards upstreams\n"
       "t.yaml:4:53: upstreams.u.tls.server_name: not supported yet: TLS towards upstreams"},
      {In::upstream, "health_check: {path: /health, interval: 5}",
       "t.yaml:4:19: upstreams.u.health_check: not supported yet: active health checks; leave the section out\n"
       "t.yaml:4:45: upstreams.u.health_check.interval: `5` has no unit; write `5s`"},
      {In::queue, "results: {url: 'redis://h/0'}",
       "t.yaml:4:20: queues.q.results.url: not supported yet: results in another store than the queue's own; leave it "
       "empty"},
      {In::queue, "spool: /var/lib/tidegate/spool.db", ""},
      {In::queue, "spool: /s.db",
       "t.yaml:4:12: queues.q.spool: not supported yet: a spool for queues on a server; leave it out"},
      {In::queue, "durability: relaxed",
       "t.yaml:4:17: queues.q.durability: not supported yet: `relaxed`; the only value is `strict`"},
      {In::top, "queues: {q: {url: 'redis://h:6379/0'}, p: {url: 'amqp://user:pass@h/v'}}",
       "t.yaml:1:19: queues.q.url: redis:// is not supported yet: a queue is `sqlite:///PATH`\n"
       "t.yaml:1:49: queues.p.url: amqp:// is not supported yet: a queue is `sqlite:///PATH`"},
      {In::listener, "tls: {cert_file: /c, key_file: }",
       "t.yaml:7:22: listeners[0].tls.cert_file: not supported yet: TLS on listeners"},
      {In::route, "rate_limit: {algorithm: sliding_window, store: 'redis://h/0', on_store_failure: allow}",
       "t.yaml:11:33: " + route +
           "rate_limit.algorithm: not supported yet: `sliding_window`; the only value is "
           "`token_bucket`\n"
           "t.yaml:11:56: " +
           route + "rate_limit.store: not supported yet: redis://; the only value is `local`"},
      {In::route, "fallback: {respond: {}, enqueue: {queue: q}}",
       "t.yaml:11:29: " + route + "fallback.respond: stands beside `enqueue`; a fallback is one of them"},
  });
  CHECK(
      errors_of("queues: {q: {url: 'sqlite:///q'}}\n" +
                with(In::route,
                     "fallback: {enqueue: {queue: q, body: reference, reference_hosts: [h], callback: 'http://x'}}")) ==
      "t.yaml:12:46: " + route +
          "fallback.enqueue.body: not supported yet: `reference`; the only value is `inline`\n"
          "t.yaml:12:74: " +
          route +
          "fallback.enqueue.reference_hosts: not supported yet: bodies by reference; leave it empty\n"
          "t.yaml:12:89: " +
          route + "fallback.enqueue.callback: not supported yet: a callback when a job is done");
  CHECK(
      errors_of("upstreams: {u: {endpoints: ['https://h']}}\n"
                "listeners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, match: {path: /}, upstream: u}]}]\n") ==
      "t.yaml:1:29: upstreams.u.endpoints[0]: `https://h` is not supported yet: endpoints are `http://HOST:PORT`");
}
