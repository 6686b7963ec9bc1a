// Keys of features to come: known, checked, and reported as not supported yet if they are used.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("unsupported features are reported as not supported yet") {
  const std::string route = "listeners[0].routes[0].";
  check_all({
      {In::top, "queues: {q: {url: 'rediss://h:6379/0'}, p: {url: 'amqps://user:pass@h/v'}}",
       "t.yaml:1:19: queues.q.url: rediss:// is not supported yet (TLS to a server)\nt.yaml:1:50: queues.p.url: "
       "amqps:// is not supported yet (TLS to a server)"},
      {In::route, "fallback: {respond: {}, enqueue: {queue: q}}",
       "t.yaml:11:29: " + route +
           "fallback.respond: `enqueue` and `respond` are mutually exclusive; remove one of them"},
  });
  CHECK(errors_of("queues: {q: {url: 'sqlite:///q'}}\n" +
                  with(In::route,
                       "fallback: {enqueue: {queue: q, callback: {url: 'https://x/', secret: 0123456789abcdef}}}")) ==
        "t.yaml:12:56: " + route +
            "fallback.enqueue.callback.url: https:// is not supported yet; write `http://HOST:PORT/PATH`");
}
