// Proxied requests and responses: framing, persistent connections, and removed and added header fields.
#include "loopback/fixture.h"

namespace tidegate::loopback {

TEST_CASE("a request and its response pass unchanged except for hop-by-hop and forwarding fields") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 201,
                           "X-Own: yes\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\n"
                           "Set-Cookie: b=2\r\n",
                           "made"});
  const Reply reply = fixture.ask(post("/plain/a%20b?q=1&q=2", "the body",
                                       "X-End: to end\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 3\r\n"
                                       "TE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: keep-alive\r\n"));
  CHECK(reply.status == 201);
  CHECK(reply.body == "made");
  CHECK(reply.field("x-own") == "yes");
  CHECK(reply.count("set-cookie") == 2);
  CHECK(reply.count("x-hop") == 0);
  CHECK(reply.count("keep-alive") == 0);
  CHECK(reply.field("via") == "1.1 tidegate");
  CHECK(reply.count("proxy-status") == 0);

  REQUIRE(fixture.upstream.seen.size() == 1);
  const Seen& seen = fixture.upstream.seen[0];
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/plain/a%20b?q=1&q=2");
  CHECK(seen.body == "the body");
  CHECK(seen.field("host") == "example");
  CHECK(seen.count("host") == 1);
  CHECK(seen.field("x-end") == "to end");
  CHECK(seen.field("content-length") == "8");
  for (const char* gone : {"x-hop", "keep-alive", "te", "upgrade", "proxy-connection", "connection"}) {
    CAPTURE(gone);
    CHECK(seen.count(gone) == 0);
  }
  CHECK(seen.field("via") == "1.1 tidegate");
  CHECK(seen.field("x-forwarded-for") == "127.0.0.1");
  CHECK(seen.field("x-forwarded-proto") == "http");
  CHECK(seen.field("x-forwarded-host") == "example");
  CHECK(seen.field("x-request-id") == reply.field("x-request-id"));
  CHECK(seen.field("traceparent").size() == 55);
}

TEST_CASE("forwarding fields of a trusted peer are continued") {
  Fixture fixture;
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Reply reply = fixture.ask(get("/plain",
                                      "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Request-Id: "
                                      "mine-1\r\ntraceparent: " +
                                          trace + "\r\nVia: 1.0 fred\r\n"));
  const Seen& seen = fixture.upstream.seen.at(0);
  CHECK(seen.field("x-forwarded-for") == "203.0.113.7, 127.0.0.1");
  CHECK(seen.field("x-forwarded-proto") == "https");
  CHECK(seen.field("x-request-id") == "mine-1");
  CHECK(reply.field("x-request-id") == "mine-1");
  CHECK(seen.field("traceparent").substr(0, 36) == trace.substr(0, 36));
  CHECK(seen.field("traceparent") != trace);
  CHECK(seen.count("via") == 2);
}

TEST_CASE("client and upstream connections are kept alive") {
  Fixture fixture;
  const auto client = fixture.client();
  for (int i = 0; i < 5; ++i) {
    client->send(i % 2 ? get("/plain") : post("/plain", "abc"));
    const Reply reply = fixture.next(*client);
    CHECK(reply.status == 200);
    CHECK(reply.body == "hello");
    CHECK(reply.count("connection") == 0);
  }
  CHECK(fixture.upstream.connections() == 1);
  CHECK(fixture.metric("tidegate_upstream_connections", {"\"up\"", "idle"}) == 1);
  CHECK(fixture.metric("tidegate_http_requests_total", {"plain", "outcome=\"proxied\""}) == 5);
}

TEST_CASE("pipelined requests get their responses in order") {
  Fixture fixture;
  std::string all;
  for (int i = 0; i < 20; ++i) all += i % 3 ? get("/plain/" + std::to_string(i)) : get("/nowhere");
  const auto client = fixture.client(all);
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    CHECK(fixture.next(*client).status == (i % 3 ? 200 : 404));
  }
  std::vector<std::string> targets;
  for (const Seen& seen : fixture.upstream.seen) targets.push_back(seen.target);
  CHECK(targets.size() == 13);
  CHECK(targets.front() == "/plain/1");
  CHECK(targets.back() == "/plain/19");
}

TEST_CASE("Tidegate itself sends 100 Continue, once it wants the body") {
  Fixture fixture;
  const auto client = fixture.client(
      "POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
      "Expect: 100-continue\r\n\r\n");
  fixture.until("100 Continue", [&] { return client->has("HTTP/1.1 100 Continue\r\n\r\n"); });
  client->received.clear();
  client->send("body");
  CHECK(fixture.next(*client).status == 200);
  CHECK(fixture.upstream.seen.at(0).body == "body");
  CHECK(fixture.upstream.seen.at(0).count("expect") == 0);
}

TEST_CASE("a refused request with Expect gets no 100 Continue, and its connection closes") {
  Fixture fixture;
  const auto client = fixture.client(
      "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
      "Expect: 100-continue\r\n\r\n");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 404);
  CHECK(reply.field("connection") == "close");
}

TEST_CASE("the response to HEAD has headers and no body") {
  Fixture fixture;
  const auto client = fixture.client("HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply reply = fixture.next(*client, true);
  CHECK(reply.status == 200);
  CHECK(reply.field("content-length") == "5");
  client->send(get("/plain"));
  CHECK(fixture.next(*client).body == "hello");
  CHECK(fixture.upstream.seen.at(0).method == "HEAD");
}

TEST_CASE("a response of Tidegate's own to HEAD has no body either") {
  Fixture fixture;
  const auto client = fixture.client("HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(fixture.next(*client, true).status == 404);
  client->send(get("/plain"));
  CHECK(fixture.next(*client).body == "hello");
}

TEST_CASE("a client with HTTP/1.0 gets a response without chunks") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", "unknown length", true});
  const auto client = fixture.client("GET /plain HTTP/1.0\r\n\r\n");
  fixture.until("the response is ended by closing", [&] { return client->ended; });
  CHECK(client->has("\r\n\r\nunknown length"));
  CHECK_FALSE(client->has("ransfer-"));
  CHECK(fixture.upstream.seen.at(0).field("host").starts_with("127.0.0.1:"));

  fixture.upstream.behave({});
  const auto kept = fixture.client("GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Reply reply = fixture.next(*kept);
  CHECK(reply.field("connection") == "keep-alive");
  CHECK(reply.field("content-length") == "5");
  kept->send("GET /plain HTTP/1.0\r\n\r\n");
  CHECK(fixture.next(*kept).body == "hello");
  fixture.until("it is closed", [&] { return kept->over(); });
}

TEST_CASE("chunks pass both ways, whatever their sizes; extensions and trailers do not") {
  Fixture fixture;
  const std::string response(40'000, 'z');
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", response, true});
  const auto client = fixture.client(
      "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\na\r\n"
      "3;ext=\"x\"\r\nbcd\r\n");
  fixture.until("the head is through", [&] { return fixture.upstream.seen.size() == 1; });
  client->send("2\r\nef\r\n0\r\nX-T: trailer\r\n\r\n");
  const Reply reply = fixture.next(*client);
  CHECK(reply.body == response);
  CHECK(reply.field("transfer-encoding") == "chunked");
  const Seen& seen = fixture.upstream.seen.at(0);
  CHECK(seen.body == "abcdef");
  CHECK(seen.field("transfer-encoding") == "chunked");
  CHECK(seen.count("x-t") == 0);
  CHECK(seen.count("trailer") == 0);
}

TEST_CASE("a response that ends with the upstream connection is complete") {
  Fixture fixture;
  fixture.raw.script = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  fixture.raw.hangs_up = true;
  const Reply reply = fixture.ask(get("/raw"));
  CHECK(reply.whole);
  CHECK(reply.body == "until the end");
}

TEST_CASE("OPTIONS * is about Tidegate itself: no upstream gets it") {
  Fixture fixture;
  for (const char* target : {"*", "http://example"}) {
    const auto client = fixture.client(std::string("OPTIONS ") + target + " HTTP/1.1\r\nHost: example\r\n\r\n");
    const Reply reply = fixture.next(*client);
    CHECK(reply.status == 204);
    CHECK(reply.count("content-length") == 0);
    client->send(get("/plain"));
    CHECK(fixture.next(*client).status == 200);
  }
  CHECK(fixture.upstream.seen.size() == 2);
  CHECK(fixture.metric("tidegate_http_requests_total", {"method=\"OPTIONS\"", "outcome=\"responded\""}) == 2);
}

TEST_CASE("TRACE is refused where no route lists it") {
  Fixture fixture;
  const Reply reply = fixture.ask("TRACE /plain HTTP/1.1\r\nHost: example\r\nCookie: secret\r\n\r\n");
  CHECK(reply.status == 405);
  CHECK(reply.field("allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(reply.body.find("secret") == std::string::npos);
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("an early response is relayed while the body arrives, and its upstream connection is not reused") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond_early, 403, "", "no"});
  const auto client = fixture.client("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\nfirst");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 403);
  client->send(std::string(29'995, 'x') + get("/plain/second"));
  fixture.upstream.behave({});
  CHECK(fixture.next(*client).status == 200);
  CHECK(fixture.upstream.seen.back().target == "/plain/second");
}

TEST_CASE("bytes after a response are never read as the next response") {
  Fixture fixture;
  fixture.raw.script =
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";
  const auto client = fixture.client(get("/raw"));
  CHECK(fixture.next(*client).body == "ok");
  fixture.raw.script = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";
  client->send(get("/raw"));
  CHECK(fixture.next(*client).body == "next");
  CHECK(fixture.raw.accepted == 2);
}

TEST_CASE("response headers larger than any request's are relayed") {
  Fixture fixture;
  fixture.raw.script =
      "HTTP/1.1 302 Found\r\nLocation: /" + std::string(100'000, 'a') + "\r\nContent-Length: 0\r\n\r\n";
  const auto client = fixture.client(get("/raw"));
  fixture.until("the response headers", [&] { return client->received.ends_with("\r\n\r\n"); });
  CHECK(client->received.starts_with("HTTP/1.1 302 Found\r\n"));
  CHECK(client->received.find(std::string(100'000, 'a')) != std::string::npos);
}

}  // namespace tidegate::loopback
