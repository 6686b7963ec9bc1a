// Which requests may ask for another protocol, and what becomes of the others.
#include "loopback/tunnel_fixture.h"

namespace tidegate::loopback {

TEST_CASE("an upgrade that may not pass is an ordinary request, without the fields") {
  const struct {
    const char* route;
    const char* fields;
  } cases[] = {
      {"/ws", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"},
      {"/ws", "Connection: Upgrade\r\nUpgrade: foo\r\n"},
      {"/ws", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"},
      {"/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"},
      {"/ws", "Upgrade: websocket\r\n"},
      {"/none", kAsksWebSocket},
  };
  for (const auto& c : cases) {
    CAPTURE(c.fields);
    Fixture fixture(tunnel_config());
    fixture.raw.script = kOk;
    const auto client = fixture.client(get(c.route, c.fields) + get("/ws/next"));
    CHECK(fixture.next(*client).body == "ok");
    CHECK(fixture.raw.received.find("pgrade") == std::string::npos);
    CHECK(fixture.raw.received.find("HTTP2-Settings") == std::string::npos);
    fixture.raw.script = kSwitches;  // to a request that has not asked for it
    fixture.raw.close_connections();
    const Reply reply = fixture.ask(get(c.route, c.fields));
    CHECK(reply.status == 502);
    CHECK(reply.json()["reason"] == "bad_upstream_response");
  }
}

TEST_CASE("an upgrade that the route has not, and that the upstream then refuses, is the reason in the log") {
  Fixture fixture(tunnel_config().log("access: all"));
  const auto ask = [&](const char* route, const char* fields, const char* response) {
    fixture.raw.close_connections();
    fixture.raw.script = response;
    fixture.ask(get(route, fields));
    return fixture.logged("proxied").back()["reason"];
  };
  const char* const refused = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
  CHECK(ask("/none", kAsksWebSocket, refused) ==
        "it asked for websocket, which `upgrades` of the route has not: sent as an ordinary request");
  CHECK(ask("/ws", kAsksWebSocket, refused) == "");
  CHECK(ask("/none", "", refused) == "");
  CHECK(ask("/none", kAsksWebSocket, kOk) == "");
  CHECK(fixture.logged("proxied").size() == 4);
}

TEST_CASE("an upgrade that the route has not is no reason where no upstream has refused it, nor of an offer") {
  Fixture fixture(tunnel_config().log("access: all"));
  fixture.raw.script = kOk;
  CHECK(fixture.ask(get("/once", kAsksWebSocket)).status == 200);
  CHECK(fixture.ask(get("/once", kAsksWebSocket)).status == 429);
  fixture.raw.close_connections();
  fixture.raw.script = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  CHECK(fixture.ask(get("/none", "Connection: Upgrade\r\nUpgrade: H2c\r\n")).status == 404);
  CHECK(fixture.logged("rate_limited").at(0)["reason"] == "");
  CHECK(fixture.logged("proxied").at(1)["reason"] == "");
}

TEST_CASE("an upgrade of HTTP/1.0 is an ordinary request") {
  Fixture fixture(tunnel_config());
  fixture.raw.script = kOk;
  const auto client =
      fixture.client("GET /ws HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n");
  CHECK(fixture.next(*client).body == "ok");
  CHECK(fixture.raw.received.find("pgrade") == std::string::npos);
}

TEST_CASE("a request with a body switches to nothing: its body stays one, and what is behind it a request") {
  const std::string chunked =
      "POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\n\r\n";
  for (const std::string& request : {post("/ws", "hello", kAsksWebSocket), chunked}) {
    CAPTURE(request);
    Fixture fixture(tunnel_config());
    fixture.raw.script = kSwitches;
    const auto client = fixture.client(request + get("/nowhere"));
    CHECK(fixture.next(*client).status == 502);
    CHECK(fixture.next(*client).status == 404);
    CHECK(fixture.raw.received.find("pgrade") == std::string::npos);
    CHECK(fixture.raw.received.find("nowhere") == std::string::npos);
  }
}

TEST_CASE("bytes behind an upgrade that gets another response are the next request, never the upstream's") {
  Fixture fixture(tunnel_config());
  fixture.raw.script = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno";
  const auto client = fixture.client(get("/ws", kAsksWebSocket) + get("/nowhere"));
  CHECK(fixture.next(*client).status == 426);
  CHECK(fixture.next(*client).status == 404);
  CHECK(fixture.raw.received.find("nowhere") == std::string::npos);
  CHECK(open_tunnels(fixture) == 0);
  client->send("\x81\x02hi\r\n\r\n");
  const Reply refused = fixture.next(*client);
  CHECK(refused.status == 400);
  CHECK(fixture.raw.received.find("hi\r\n") == std::string::npos);
}

TEST_CASE("a 101 to another protocol than the one asked for is a 502, its bytes go nowhere, its connection ends") {
  for (const char* fields :
       {"Connection: Upgrade\r\nUpgrade: h2c\r\n", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n"}) {
    CAPTURE(fields);
    Fixture fixture(tunnel_config());
    fixture.raw.script = std::string("HTTP/1.1 101 Switching Protocols\r\n") + fields + "\r\nsecret";
    const auto client = fixture.client(get("/ws", kAsksWebSocket));
    const Reply reply = fixture.next(*client);
    CHECK(reply.status == 502);
    CHECK(reply.body.find("secret") == std::string::npos);
    fixture.raw.script = kOk;
    client->send(get("/ws"));
    CHECK(fixture.next(*client).body == "ok");
    CHECK(fixture.raw.accepted == 2);
  }
}

TEST_CASE("an upgrade never becomes a job: its error is that of a route without a queue") {
  Fixture fixture(tunnel_config());
  const std::string prefers = std::string(kAsksWebSocket) + "Prefer: respond-async\r\nIdempotency-Key: a\r\n";
  CHECK(fixture.ask(get("/job", kAsksWebSocket)).json()["reason"] == "connect_failure");
  CHECK(fixture.ask(get("/job", prefers)).json()["reason"] == "connect_failure");
  CHECK(fixture.ask(get("/sorry", kAsksWebSocket)).body == "try later");
  fixture.raw.script = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
  CHECK(fixture.ask(get("/later", kAsksWebSocket)).body == "busy");
  CHECK(fixture.metric("tidegate_queue_depth") == 0);
  CHECK(fixture.ask(get("/job", "Prefer: respond-async\r\n")).status == 202);
}

}  // namespace tidegate::loopback
