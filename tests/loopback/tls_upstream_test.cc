// Upstreams that speak TLS: what goes through, and why it does not.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

// `tls`: of the upstream; the route has one attempt.
std::string with_upstream(const std::string& endpoint, const std::string& tls, const std::string& route = "") {
  return test::ConfigBuilder()
      .upstream("up", "endpoints: [\"" + endpoint + "\"], tls: {" + tls + "}")
      .route("all", "match: {path: /*}, upstream: up" + route);
}

// Where operators see it.
std::string last_failure(Fixture& fixture) {
  const auto status = fixture.admin("/api/status").json();
  return status.at("upstreams").at(0).at("last_failure").dump();
}

void check_connect_failure(Fixture& fixture, const std::string& reason) {
  const Reply reply = fixture.ask(get("/"));
  CHECK(reply.status == 502);
  CHECK(reply.json().at("reason") == "connect_failure");
  const auto lines = fixture.logged("connect_failure");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].dump().find(reason) != std::string::npos);
  CAPTURE(last_failure(fixture));
  CHECK(last_failure(fixture).find(reason) != std::string::npos);
}

}  // namespace

TEST_CASE("requests go to an upstream over TLS, on one connection that is kept") {
  Fixture fixture(with_upstream("{TLS}", "ca_file: \"{CA}\""));
  const std::string body(3'000'000, 'b');
  CHECK(fixture.ask(get("/first")).body == "hello");
  CHECK(fixture.ask(post("/second", body)).body == "hello");
  REQUIRE(fixture.secure.seen.size() == 2);
  CHECK(fixture.secure.seen[0].target == "/first");
  CHECK(fixture.secure.seen[1].body == body);
  CHECK(fixture.secure.connections() == 1);
}

TEST_CASE("a large response comes whole over TLS, also to a client that reads late") {
  Fixture fixture(with_upstream("{TLS}", "ca_file: \"{CA}\""));
  Behaviour behaviour{Behaviour::Kind::stream};
  behaviour.stream_bytes = 3'000'000;
  fixture.secure.behave(behaviour);
  const auto client = fixture.client(get("/"));
  client->paused = true;
  fixture.until("it is at the upstream", [&] { return !fixture.secure.seen.empty(); });
  client->resume();
  CHECK(fixture.next(*client).body.size() == 3'000'000);
}

TEST_CASE("an upstream whose authority is not trusted is a connect_failure that says so") {
  Fixture fixture(with_upstream("{TLS}", ""));
  check_connect_failure(fixture,
                        "TLS: the server's certificate is signed by an authority that is not trusted (Test Authority)");
}

TEST_CASE("an upstream whose certificate is for another name is a connect_failure that names both") {
  Fixture fixture(with_upstream("{TLS}", "ca_file: \"{CA}\", server_name: other.example"));
  check_connect_failure(fixture, "is for 127.0.0.1, localhost, up.example, not for other.example");
}

TEST_CASE("server_name is what the certificate must be for") {
  Fixture fixture(with_upstream("{TLS}", "ca_file: \"{CA}\", server_name: up.example"));
  CHECK(fixture.ask(get("/")).status == 200);
}

TEST_CASE("an upstream that speaks plain HTTP is a connect_failure that says so") {
  Fixture fixture(with_upstream("https://127.0.0.1:{UP_PORT}", "ca_file: \"{CA}\""));
  fixture.upstream.may_get_nonsense = true;
  check_connect_failure(fixture, "TLS: the peer does not speak TLS; it sent `HTTP/1.1 400 Bad Req`");
}

TEST_CASE("an upstream that is silent in the handshake is a connect_failure after handshake_timeout") {
  Fixture fixture(with_upstream("https://127.0.0.1:{RAW_PORT}", "handshake_timeout: 50ms"));
  check_connect_failure(fixture, "TLS: the handshake got no response within 50 ms");
}

TEST_CASE("an endpoint whose handshake fails is not the end: the request, with its body, goes to another one") {
  Fixture fixture(test::ConfigBuilder()
                      .upstream("up", R"(endpoints: ["https://127.0.0.1:{UP_PORT}", "{TLS}"], balance: round_robin,
                                         tls: {ca_file: "{CA}"})")
                      .route("all", "match: {path: /*}, upstream: up, retry: {methods: any}"));
  fixture.upstream.may_get_nonsense = true;
  for (int i = 0; i < 4; ++i) CHECK(fixture.ask(post("/", "the body")).status == 200);
  for (const Seen& seen : fixture.secure.seen) CHECK(seen.body == "the body");
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("an upstream that requires a client certificate gets the one that is configured") {
  const test::Authority& authority = test::Authority::of_program();
  const test::CertificateFiles mine = authority.issue("sidecar", {});
  Fixture fixture(with_upstream(
      "{MTLS}", "ca_file: \"{CA}\", cert_file: \"" + mine.cert_file + "\", key_file: \"" + mine.key_file + "\""));
  CHECK(fixture.ask(get("/")).status == 200);
}

TEST_CASE("an upstream that requires a client certificate is a connect_failure without one") {
  Fixture fixture(with_upstream("{MTLS}", "ca_file: \"{CA}\""));
  check_connect_failure(fixture, "TLS: the server requires a client certificate");
}

}  // namespace tidegate::loopback
