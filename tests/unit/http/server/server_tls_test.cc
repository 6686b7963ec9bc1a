// Clients of a server that speaks TLS, in simulated time.
#include <doctest/doctest.h>

#include "net/tls/tls_handshake.h"
#include "support/tls_contexts.h"
#include "unit/http/server/server_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

struct CountingService final : http::Service {
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override { return inner.on_request(responder); }
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override {
    return inner.on_refused(error, peer);
  }
  void on_tls_handshake(bool done) override { done ? ++complete : ++failed; }

  TestService inner;
  int complete = 0, failed = 0;
};

struct TlsServerFixture {
  explicit TlsServerFixture(size_t connections = 100) {
    http::ServerLimits limits;
    limits.connections = connections;
    server.emplace(loop, limits, service, nullptr, server_context(Authority::server_of_program()));
    REQUIRE(server->listen(any_port()).ok());
  }
  std::unique_ptr<RawClient> plain_client(std::string bytes = {}) {
    return std::make_unique<RawClient>(loop, server->address(), std::move(bytes));
  }
  std::unique_ptr<RawClient> client(std::string bytes) {
    const auto plainly = [&](net::ConnectCallback done) { return loop.connect(server->address(), std::move(done)); };
    const auto securely = [&](net::ConnectCallback done) {
      return net::connect_tls(loop, {trusting, {"127.0.0.1", "it"}, 5s}, plainly, std::move(done));
    };
    return std::make_unique<RawClient>(securely, std::move(bytes));
  }

  ContextPtr trusting = client_context({.ca_file = Authority::of_program().ca_file()});
  net::SimRuntime loop{3};
  CountingService service;
  std::optional<http::Server> server;
};

}  // namespace

TEST_CASE("requests over TLS are served, one after the other on one connection") {
  TlsServerFixture fixture;
  const std::string body(300'000, 'b');
  const auto client = fixture.client(request("GET /now") + post("/echo", body));
  fixture.loop.run_for(1s);
  CHECK(client->has("hello"));
  CHECK(client->has(body));
  CHECK(fixture.service.complete == 1);
  CHECK(fixture.server->connections() == 1);
}

TEST_CASE("a response that ends the connection ends TLS, and one that is aborted does not") {
  TlsServerFixture fixture;
  const auto whole = fixture.client(request("GET /now", "Connection: close\r\n"));
  const auto half = fixture.client(request("GET /half"));
  fixture.loop.run_for(3s);
  CHECK(whole->ended);
  CHECK_FALSE(whole->broken);
  CHECK(half->broken);
  CHECK_FALSE(half->ended);
}

TEST_CASE("a client that speaks plain HTTP to a port of TLS gets a 400 and a clean end") {
  TlsServerFixture fixture;
  const auto client = fixture.plain_client(request("GET /now"));
  fixture.loop.run_for(1s);
  CHECK(client->received.starts_with("HTTP/1.0 400 Bad Request\r\n"));
  CHECK(client->ended);
  CHECK(fixture.service.failed == 1);
  CHECK(fixture.service.inner.log.empty());
  CHECK(fixture.server->connections() == 0);
}

TEST_CASE("a client that is silent in the handshake is disconnected after header_timeout, and its room is free again") {
  TlsServerFixture fixture(1);
  const auto silent = fixture.plain_client();
  fixture.loop.run_for(4900ms);
  CHECK_FALSE(silent->over());
  CHECK(fixture.server->connections() == 1);
  const auto refused = fixture.client(request("GET /now"));
  fixture.loop.run_for(1s);
  CHECK(refused->over());
  CHECK(silent->over());
  CHECK(fixture.service.failed == 1);
  const auto next = fixture.client(request("GET /now"));
  fixture.loop.run_for(1s);
  CHECK(next->has("hello"));
}

TEST_CASE("a client that closes without a byte, as a check of the port does, has not failed in a handshake") {
  TlsServerFixture fixture;
  const auto probe = fixture.plain_client();
  fixture.loop.run_for(100ms);
  probe->leave();
  fixture.loop.run_for(100ms);
  CHECK(fixture.server->connections() == 0);
  CHECK(fixture.service.failed == 0);
}

TEST_CASE("a drain waits for a handshake that is under way, and serves its request") {
  TlsServerFixture fixture;
  const auto client = fixture.client(request("GET /now"));
  while (fixture.server->connections() == 0) REQUIRE(fixture.loop.run_one());
  bool drained = false;
  fixture.server->drain([&] { drained = true; });
  CHECK_FALSE(drained);
  fixture.loop.run_for(10s);
  CHECK(client->has("hello"));
  CHECK(drained);
}

TEST_CASE("a server that ends during a handshake gives its room back, and calls nobody") {
  const auto room = std::make_shared<http::ConnectionCount>(1);
  TlsServerFixture fixture;
  fixture.server.emplace(fixture.loop, http::ServerLimits(), fixture.service, room,
                         server_context(Authority::server_of_program()));
  REQUIRE(fixture.server->listen(any_port()).ok());
  const auto silent = fixture.plain_client();
  fixture.loop.run_for(100ms);
  CHECK_FALSE(room->add());
  fixture.server.reset();
  CHECK(room->add());
  fixture.loop.run_for(10s);
  CHECK(fixture.service.complete + fixture.service.failed == 0);
}
