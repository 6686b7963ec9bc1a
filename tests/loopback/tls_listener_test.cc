// Clients that speak TLS to a listener.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

std::string with_listener(const std::string& more_tls = "", const std::string& limits = "header_timeout: 5s") {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0, tls: {cert_file: \"{CERT}\", key_file: \"{KEY}\"" + more_tls + "}, limits: {" +
                limits + "}")
      .upstream("up", R"(endpoints: ["{UP}"])")
      .route("all", "match: {path: /*}, upstream: up");
}

double handshakes(Fixture& fixture, const std::string& result) {
  return fixture.metric("tidegate_listener_tls_handshakes_total", {"result=\"" + result + "\""});
}

bool is_logged(const Fixture& fixture, const std::string& text) {
  return std::any_of(fixture.log.begin(), fixture.log.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("a client over TLS is served, and the upstream gets X-Forwarded-Proto: https") {
  Fixture fixture(with_listener());
  const auto client = fixture.tls_client(get("/a", "X-Forwarded-Proto: http\r\n"));
  CHECK(fixture.next(*client).body == "hello");
  client->send(post("/b", std::string(1'000'000, 'b')));
  CHECK(fixture.next(*client).body == "hello");
  REQUIRE(fixture.upstream.seen.size() == 2);
  CHECK(fixture.upstream.seen[1].field("x-forwarded-proto") == "https");
  CHECK(fixture.upstream.seen[1].body_bytes == 1'000'000);
  CHECK(handshakes(fixture, "complete") == 1);
}

TEST_CASE("a response that ends the connection ends TLS too: the client can tell it from one that is cut off") {
  Fixture fixture(with_listener());
  const auto client = fixture.tls_client(get("/", "Connection: close\r\n"));
  CHECK(fixture.next(*client).body == "hello");
  fixture.until("the end", [&] { return client->over(); });
  CHECK(client->ended);
  CHECK_FALSE(client->broken);
}

TEST_CASE("a response that is broken off is broken off over TLS, whatever its framing") {
  Fixture fixture(with_listener());
  fixture.upstream.behave({Behaviour::Kind::break_off, 200, "", std::string(20'000, 'x'), true});
  const auto client = fixture.tls_client("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
  fixture.until("it is over", [&] { return client->over(); });
  CHECK(client->broken);
}

TEST_CASE("a client that speaks plain HTTP gets a 400 in plain text and a clean end, and is counted and logged") {
  Fixture fixture(with_listener());
  const auto client = fixture.client(get("/"));
  fixture.until("the end", [&] { return client->over(); });
  CHECK(client->ended);
  CHECK(client->received.starts_with("HTTP/1.0 400 Bad Request\r\n"));
  CHECK(handshakes(fixture, "failed") == 1);
  CHECK(is_logged(fixture, "the peer does not speak TLS; it sent `GET / HTTP/1.1"));
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("a client that is silent in the handshake is disconnected after header_timeout, and gives its room back") {
  Fixture fixture(with_listener("", "header_timeout: 50ms, connections: 1"));
  const auto silent = fixture.client();
  fixture.until("it is accepted", [&] { return fixture.listeners().connections() == 1; });
  const auto refused = fixture.client();
  fixture.until("there is no room for a second one", [&] { return refused->over(); });
  fixture.until("the end", [&] { return silent->over(); });
  CHECK(is_logged(fixture, "TLS: the handshake got no response within 50 ms"));
  const auto next = fixture.client();
  fixture.until("there is room again", [&] { return fixture.listeners().connections() == 1; });
}

TEST_CASE("a client that closes without a byte, as a check of the port does, is no failed handshake") {
  Fixture fixture(with_listener());
  const auto probe = fixture.client();
  fixture.until("it is accepted", [&] { return fixture.listeners().connections() == 1; });
  probe->leave();
  fixture.until("it is gone", [&] { return fixture.listeners().connections() == 0; });
  CHECK(handshakes(fixture, "failed") == 0);
  CHECK_FALSE(is_logged(fixture, "tls_handshake_failed"));
}

TEST_CASE("a server that ends during a handshake gives its room back") {
  Fixture fixture(with_listener("", "connections: 1"));
  {
    core::Worker second_worker(fixture.runtime, fixture.gateway());
    core::Listeners second(second_worker);
    REQUIRE(second.listen().ok());
    const test::RawClient silent(fixture.runtime, second.address(0));
    fixture.until("it is accepted", [&] { return second.connections() == 1; });
  }
  const auto client = fixture.tls_client(get("/"));
  CHECK(fixture.next(*client).status == 200);
}

TEST_CASE("with client_ca_file a client needs a certificate of that authority") {
  Fixture fixture(with_listener(", client_ca_file: \"{CA}\""));
  const auto without = fixture.tls_client(get("/"));
  fixture.until("it is refused", [&] { return without->over(); });
  CHECK(without->why_broken == "TLS: the server requires a client certificate");
  const test::CertificateFiles mine = test::Authority::of_program().issue("someone", {});
  net::TlsClientConfig config;
  config.cert_file = mine.cert_file;
  config.key_file = mine.key_file;
  const auto with = fixture.tls_client(get("/"), config);
  CHECK(fixture.next(*with).status == 200);
}

TEST_CASE("a client that leaves in the middle of a request over TLS cancels what it has caused") {
  Fixture fixture(with_listener());
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client = fixture.tls_client(get("/"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  client->leave();
  fixture.until("the upstream notices", [&] { return fixture.upstream.seen[0].gone; });
}

TEST_CASE("a drain waits for the handshake that is under way, and serves its request") {
  Fixture fixture(with_listener());
  const auto client = fixture.tls_client(get("/"));
  fixture.until("it is accepted", [&] { return fixture.listeners().connections() == 1; });
  bool drained = false;
  fixture.listeners().drain([&] { drained = true; });
  CHECK(fixture.next(*client).status == 200);
  fixture.until("it has drained", [&] { return drained; });
}

TEST_CASE("the metrics say until when the certificate of the listener is valid") {
  Fixture fixture(with_listener());
  const double expiry = fixture.metric("tidegate_tls_certificate_expiry_timestamp_seconds", {"section=\"listener\""});
  CHECK(expiry > to_seconds(fixture.runtime.wall_now().time_since_epoch()));
}

TEST_CASE("a listener whose TLS changes is another one: new connections get it, and old ones finish as they began") {
  Fixture fixture(with_listener());
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto busy = fixture.tls_client(get("/a"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  const SocketAddress before = fixture.address();
  fixture.reload(with_listener("", "header_timeout: 6s"));
  CHECK(fixture.address() == before);
  fixture.reload(with_listener(", client_ca_file: \"{CA}\""));
  CHECK(fixture.address() != before);
  const auto stranger = fixture.tls_client(get("/b"));
  fixture.until("it is refused", [&] { return stranger->over(); });
  CHECK(stranger->broken);
  fixture.upstream.release({});
  const Reply reply = fixture.next(*busy);
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");
  fixture.until("its connection is closed", [&] { return busy->over(); });
}

}  // namespace tidegate::loopback
