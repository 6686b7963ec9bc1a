// Routes that may switch to WebSocket, and clients that do.
#pragma once

#include "loopback/fixture.h"

namespace tidegate::loopback {

inline constexpr const char* kAsksWebSocket =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n";
inline constexpr const char* kSwitches =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n";
inline constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

inline test::ConfigBuilder tunnel_config() {
  return test::ConfigBuilder()
      .upstream("raw", "endpoints: [\"{RAW}\"]")
      .upstream(
          "narrow",
          "endpoints: [\"{RAW}\"], breaker: {}, bulkhead: {max_concurrent: 1, max_waiting: 0}, max_connections: 5")
      .upstream("dead", "endpoints: [\"http://127.0.0.1:1\"]")
      .queue("jobs", "url: \"sqlite://{DIR}/jobs.db\"")
      .route("ws", "match: {path: /ws*}, upstream: raw")
      .route("none", "match: {path: /none}, upstream: raw, upgrades: []")
      .route("once", "match: {path: /once}, upstream: raw, upgrades: [], rate_limit: {rate: 1/h, burst: 1}")
      .route("narrow", "match: {path: /narrow}, upstream: narrow")
      .route("job", "match: {path: /job}, upstream: dead, fallback: {enqueue: {queue: jobs}}")
      .route("later", "match: {path: /later}, upstream: raw, fallback: {on: [503], enqueue: {queue: jobs}}")
      .route("sorry",
             "match: {path: /sorry}, upstream: dead,"
             "fallback: {respond: {status: 200, content_type: text/plain, body: \"try later\"}}");
}

// A client whose tunnel is open; its bytes follow in `received`.
inline std::unique_ptr<test::RawClient> open_tunnel(Fixture& fixture, const char* target = "/ws") {
  fixture.raw.script = kSwitches;
  auto client = fixture.client(get(target, kAsksWebSocket));
  fixture.until("the 101", [&] { return client->has("\r\n\r\n"); });
  REQUIRE(client->received.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  client->received.clear();
  fixture.raw.received.clear();
  return client;
}

inline double open_tunnels(Fixture& fixture) { return fixture.metric("tidegate_tunnels_open"); }

}  // namespace tidegate::loopback
