// Keys of features to come: known, checked, and reported as not supported yet if they are used.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("unsupported features are reported as not supported yet") {
  const std::string route = "listeners[0].routes[0].";
  check_all({
      {In::upstream, "tls: {handshake_timeout: 6s}", ""},
      {In::upstream, "tls: {handshake_timeout: 6}",
       "t.yaml:4:30: upstreams.u.tls.handshake_timeout: `6` has no unit; write `6s`"},
      {In::upstream, "tls: {ca_file: /ca, cert_file: '', server_name: x}",
       "t.yaml:4:20: upstreams.u.tls.ca_file: not supported yet: TLS to upstreams\nt.yaml:4:53: "
       "upstreams.u.tls.server_name: not supported yet: TLS to upstreams"},
      {In::upstream, "health_check: {path: /health, interval: 5}",
       "t.yaml:4:19: upstreams.u.health_check: not supported yet: active health checks; remove the "
       "section\nt.yaml:4:45: upstreams.u.health_check.interval: `5` has no unit; write `5s`"},
      {In::top, "queues: {q: {url: 'rediss://h:6379/0'}, p: {url: 'amqps://user:pass@h/v'}}",
       "t.yaml:1:19: queues.q.url: rediss:// is not supported yet (TLS to a server)\nt.yaml:1:50: queues.p.url: "
       "amqps:// is not supported yet (TLS to a server)"},
      {In::listener, "tls: {cert_file: /c, key_file: }",
       "t.yaml:7:22: listeners[0].tls.cert_file: not supported yet: TLS on listeners"},
      {In::route, "fallback: {respond: {}, enqueue: {queue: q}}",
       "t.yaml:11:29: " + route +
           "fallback.respond: `enqueue` and `respond` are mutually exclusive; remove one of them"},
  });
  CHECK(errors_of("queues: {q: {url: 'sqlite:///q'}}\n" +
                  with(In::route,
                       "fallback: {enqueue: {queue: q, callback: {url: 'https://x/', secret: 0123456789abcdef}}}")) ==
        "t.yaml:12:56: " + route +
            "fallback.enqueue.callback.url: https:// is not supported yet; write `http://HOST:PORT/PATH`");
  CHECK(errors_of("upstreams: {u: {endpoints: ['https://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: "
                  "[{name: r, match: {path: /}, upstream: u}]}]\n") ==
        "t.yaml:1:29: upstreams.u.endpoints[0]: `https://h` is not supported yet; write `http://HOST:PORT`");
}
