// The tunnel behind a 101 that was asked for.
#include "loopback/tunnel_fixture.h"

namespace tidegate::loopback {

TEST_CASE("a 101 that was asked for opens a tunnel: bytes go both ways unchanged, those beside the headers first") {
  Fixture fixture(tunnel_config());
  fixture.raw.script = std::string(kSwitches) + "early down,";
  const auto client = fixture.client(get("/ws?a=b", kAsksWebSocket) + "early up,");
  fixture.until("the early bytes", [&] { return client->has("early down,") && fixture.raw.received.ends_with("up,"); });
  const std::string& seen = fixture.raw.received;
  CHECK(seen.starts_with("GET /ws?a=b HTTP/1.1\r\n"));
  CHECK(seen.find("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n") != std::string::npos);
  CHECK(seen.find("\r\nSec-WebSocket-Key: k\r\n") != std::string::npos);
  const std::string head = client->received.substr(0, client->received.find("\r\n\r\n") + 4);
  CHECK(head.starts_with("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\nVia: 1.1 tidegate\r\n"));
  CHECK(head.ends_with("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
  for (const char* none : {"Content-Length", "Transfer-Encoding", "Date"}) CHECK(head.find(none) == std::string::npos);
  CHECK(open_tunnels(fixture) == 1);

  client->received.clear();
  fixture.raw.received.clear();
  const std::string noise = get("/ws") + std::string("\0\r\n\r\n\x81\x02", 7);
  client->send(noise);
  fixture.raw.send(kOk + noise);
  fixture.until("both", [&] { return fixture.raw.received == noise && client->received == kOk + noise; });
  client->end();
  fixture.until("the end", [&] { return client->over(); });
  CHECK(client->ended);
  CHECK(fixture.raw.ended == 1);
  fixture.until("its record", [&] { return fixture.logged("proxied").size() == 1; });
  const nlohmann::json line = fixture.logged("proxied")[0];
  CHECK(line["code"] == 101);
  CHECK(line["upgrade"] == "websocket");
  CHECK(line["bytes"] == 11 + std::string(kOk).size() + noise.size());
  CHECK(line["bytes_in"] == 9 + noise.size());
  CHECK(line["reason"] == "closed by the client");
  CHECK(open_tunnels(fixture) == 0);
  CHECK(fixture.metric("tidegate_http_requests_in_flight") == 0);
  CHECK(fixture.metric("tidegate_upstream_connections") == 0);
}

TEST_CASE("each side may end first and still read; a reset goes on as a reset") {
  Fixture fixture(tunnel_config());
  fixture.raw.ends_with_client = false;
  const auto client = open_tunnel(fixture);
  client->send("last");
  client->end();
  fixture.until("its end", [&] { return fixture.raw.ended == 1 && fixture.raw.received == "last"; });
  fixture.raw.send("still");
  fixture.until("the bytes", [&] { return client->has("still"); });
  fixture.raw.end();
  fixture.until("the other end", [&] { return client->ended; });

  const auto second = open_tunnel(fixture);
  fixture.raw.end();
  fixture.until("the upstream's end", [&] { return second->ended; });
  second->send("still");
  fixture.until("the bytes", [&] { return fixture.raw.received == "still"; });
  second->end();
  fixture.until("the other end", [&] { return fixture.raw.ended == 2; });
  fixture.until("the records", [&] { return fixture.logged("proxied").size() == 2; });
  CHECK(fixture.logged("proxied")[1]["reason"] == "closed by the upstream");

  const auto third = open_tunnel(fixture);
  third->reset();
  fixture.until("the reset", [&] { return fixture.raw.broken == 1; });
  fixture.until("the record", [&] { return fixture.logged("client_closed").size() == 1; });
  CHECK(fixture.logged("client_closed")[0]["code"] == 101);

  const auto fourth = open_tunnel(fixture);
  fixture.raw.reset_connections();
  fixture.until("the reset", [&] { return fourth->broken; });
  fixture.until("the record", [&] { return fixture.logged("reset").size() == 1; });
  CHECK(fixture.metric("tidegate_breaker_transitions_total") == 0);
}

TEST_CASE("a tunnel is over TLS what it is without: close_notify ends a side") {
  Fixture fixture(tunnel_config().listener("address: 127.0.0.1:0, tls: {cert_file: \"{CERT}\", key_file: \"{KEY}\"}"));
  fixture.raw.script = kSwitches;
  fixture.raw.ends_with_client = false;
  const auto client = fixture.tls_client(get("/ws", kAsksWebSocket) + "early");
  fixture.until("the 101", [&] { return client->has("\r\n\r\n") && fixture.raw.received.ends_with("early"); });
  const std::string much(1'000'000, 'x');
  client->received.clear();
  fixture.raw.send(much);
  client->send(much);
  client->end();
  fixture.until("all of it, and the end", [&] { return client->received == much && fixture.raw.ended == 1; });
  CHECK(fixture.raw.received.ends_with("early" + much));
  fixture.raw.send("last");
  fixture.raw.end();
  fixture.until("the other end", [&] { return client->over(); });
  CHECK(client->ended);
  CHECK(client->received == much + "last");
}

TEST_CASE("a tunnel holds its slot to its end, and is a success of the breaker from the 101 on") {
  Fixture fixture(tunnel_config());
  const auto client = open_tunnel(fixture, "/narrow");
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"result=\"success\""}) == 1);
  CHECK(fixture.ask(get("/narrow")).json()["reason"] == "bulkhead_full");
  CHECK(fixture.ask(get("/narrow", kAsksWebSocket)).json()["reason"] == "bulkhead_full");
  CHECK(fixture.logged("bulkhead_full")[0]["reason"] == "bulkhead_full: 1 of 1 slots in use, 1 of them by tunnels");
  const auto status = fixture.admin("/api/status").json();
  CHECK(status["bulkheads"][0]["tunnels"] == 1);
  CHECK(status["upstreams"][1]["name"] == "narrow");
  CHECK(status["upstreams"][1]["tunnels"] == 1);
  CHECK(status["upstreams"][1]["connections"] == 1);
  CHECK(status["upstreams"][1]["max_connections"] == 5);
  client->reset();
  fixture.until("the slot", [&] { return open_tunnels(fixture) == 0; });
  CHECK(fixture.admin("/api/status").json()["bulkheads"][0]["tunnels"] == 0);
  CHECK(fixture.admin("/api/status").json()["upstreams"][1]["tunnels"] == 0);
  open_tunnel(fixture, "/narrow");
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"result=\"success\""}) == 2);
}

TEST_CASE("a lame duck takes upgrades, a draining process none; its tunnels live until they are cut off, by a reset") {
  Fixture fixture(tunnel_config().listener("address: 127.0.0.1:0, lame_duck: 1h"));
  const auto kept = fixture.client(get("/sorry"));
  CHECK(fixture.next(*kept).status == 200);
  fixture.gateway().set_lame_duck();
  fixture.listeners().begin_lame_duck();
  const auto client = open_tunnel(fixture);

  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  kept->send(get("/ws", kAsksWebSocket));
  const Reply reply = fixture.next(*kept);
  CHECK(reply.status == 503);
  CHECK(reply.json()["reason"] == "draining");
  CHECK(reply.field("retry-after") != "");
  CHECK(reply.field("connection") == "close");
  CHECK(fixture.logged("draining")[0]["route"] == "ws");
  kept->leave();
  client->send("still");
  fixture.raw.send("here");
  fixture.until("bytes both ways", [&] { return fixture.raw.received == "still" && client->received == "here"; });
  CHECK_FALSE(drained);
  fixture.listeners().cut_off();
  fixture.until("the resets", [&] { return client->broken && fixture.raw.broken == 1; });
  CHECK(drained);
  const nlohmann::json line = fixture.logged("draining").back();
  CHECK(line["code"] == 101);
  CHECK(line["bytes"] == 4);
  CHECK(line["bytes_in"] == 5);
  CHECK(open_tunnels(fixture) == 0);
}

TEST_CASE("a process whose last tunnel ends has drained") {
  Fixture fixture(tunnel_config());
  const auto client = open_tunnel(fixture);
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  client->end();
  fixture.until("all is drained", [&] { return drained; });
  CHECK(client->ended);
}

TEST_CASE("a tunnel outlives a reload that takes its route and its upstream away") {
  Fixture fixture(tunnel_config());
  const auto client = open_tunnel(fixture);
  fixture.reload(test::ConfigBuilder()
                     .upstream("other", "endpoints: [\"{UP}\"]")
                     .queue("jobs", "url: \"sqlite://{DIR}/jobs.db\"")
                     .route("other", "match: {path: /ws}, upstream: other"));
  CHECK(fixture.ask(get("/ws")).body == "hello");
  client->send("still");
  fixture.raw.send("here");
  fixture.until("bytes both ways", [&] { return fixture.raw.received == "still" && client->received == "here"; });
  CHECK(open_tunnels(fixture) == 1);
  client->end();
  fixture.until("the end", [&] { return client->ended; });
  CHECK(fixture.logged("proxied").back()["route"] == "ws");
  CHECK(open_tunnels(fixture) == 0);
}

}  // namespace tidegate::loopback
