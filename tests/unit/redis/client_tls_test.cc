// A client that speaks TLS to a real server: what goes through, and why it does not.
#include "support/redis_server.h"
#include "support/tls_contexts.h"
#include "unit/redis/client_fixture.h"

namespace tidegate::test {

namespace {

using SecureFixture = ClientFixture<UvLoop>;

const Authority& ours() { return Authority::of_program(); }

redis::ClientOptions options_for(const redis::Address& address) {
  redis::ClientOptions options{.reconnect_base = 1ms, .reconnect_max = 20ms};
  options.tls = net::make_tls_server(*address.tls, net::TlsContext::Alpn::none);
  return options;
}

std::string why_not(const redis::Address& address) {
  SecureFixture fixture(address, options_for(address));
  REQUIRE(fixture.loop.run_until([&] { return fixture.client.why_not_ready() != "not connected yet"; }));
  return fixture.client.why_not_ready();
}

}  // namespace

TEST_CASE("commands and large values pass by TLS") {
  NEEDS_REDIS();
  RedisServer server({.password = "secret", .tls = Authority::server_of_program()});
  const redis::Address address = server.tls_address({.ca_file = ours().ca_file()});
  SecureFixture fixture(address, options_for(address));
  REQUIRE(fixture.becomes_ready());
  const std::string value(3'000'000, 'v');
  fixture.ask({"SET", "key", value});
  CHECK(fixture.ask({"GET", "key"}).text == value);
  CHECK(server.ask({"GET", "key"}).text == value);
}

TEST_CASE("a server whose certificate is wrong is not used, and the reason says what is wrong with it") {
  NEEDS_REDIS();
  RedisServer server({.tls = Authority::server_of_program()});
  CHECK(why_not(server.tls_address({})) ==
        "TLS: the server's certificate is signed by an authority that is not trusted (Test Authority)");
  CHECK(why_not(server.tls_address({.ca_file = ours().ca_file(), .server_name = "other.example"})) ==
        "TLS: the server's certificate is for 127.0.0.1, localhost, up.example, not for other.example");
  server.use_certificate(ours().issue("redis_self", {.names = {"127.0.0.1"}, .self_signed = true}));
  CHECK(why_not(server.tls_address({.ca_file = ours().ca_file()})) ==
        "TLS: the server's certificate is self-signed, and not one that is trusted");
}

TEST_CASE("a server by TLS is used as soon as its certificate is good again") {
  NEEDS_REDIS();
  RedisServer server({.tls = ours().issue("redis_old", {.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10})});
  const redis::Address address = server.tls_address({.ca_file = ours().ca_file()});
  SecureFixture fixture(address, options_for(address));
  REQUIRE(fixture.loop.run_until([&] { return fixture.client.why_not_ready() != "not connected yet"; }));
  CHECK(fixture.client.why_not_ready().starts_with("TLS: the server's certificate has expired (valid until "));
  server.use_certificate(Authority::server_of_program());
  CHECK(fixture.becomes_ready());
}

TEST_CASE("a server that requires a client certificate gets ours, and says so where there is none") {
  NEEDS_REDIS();
  RedisServer server({.tls = Authority::server_of_program(), .tls_client_ca = ours().ca_file()});
  CHECK(why_not(server.tls_address({.ca_file = ours().ca_file()})) == "TLS: the server requires a client certificate");
  const CertificateFiles mine = ours().issue("redis_client", {});
  const redis::Address address =
      server.tls_address({.ca_file = ours().ca_file(), .cert_file = mine.cert_file, .key_file = mine.key_file});
  SecureFixture fixture(address, options_for(address));
  CHECK(fixture.becomes_ready());
}

TEST_CASE("a server that does not speak TLS is not used: it is silent, as one that hangs is") {
  NEEDS_REDIS();
  RedisServer server;
  redis::Address plain = server.address();
  plain.tls = net::TlsClientConfig{.handshake_timeout = 50ms};
  CHECK(why_not(plain) == "TLS: the handshake got no response within 50 ms");
}

}  // namespace tidegate::test
