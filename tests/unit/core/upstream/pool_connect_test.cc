// How the pool makes its connections: refusals, names, several endpoints, and their time.
#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using test::Nobody;
using test::Taker;
using test::UpstreamFixture;

TEST_CASE("a connect that is cancelled makes room at once") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*fixture.pool), b(*fixture.pool);
  CHECK(fixture.pool->in_use() == 1);
  a.operation.reset();
  fixture.settle();
  CHECK(a.answers == 0);
  CHECK(b.has());
  CHECK(fixture.pool->in_use() == 1);
}

TEST_CASE("nobody listens: refused, with the name of the endpoint; waiting callers are served too") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\"", 1);
  fixture.go_away();
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  for (Taker* taker : {&a, &b}) {
    REQUIRE(taker->error);
    CHECK(taker->error->code == ErrorCode::refused);
    CHECK(taker->error->message.find("10.0.0.2:3001") == 0);
  }
  CHECK(fixture.pool->in_use() == 0);
}

TEST_CASE("what this process has used up for a connect is no failure of the upstream, and counted by what it is") {
  for (const auto& [code, reason] : {std::pair(ErrorCode::conflict, "ports"), {ErrorCode::exhausted, "descriptors"}}) {
    CAPTURE(reason);
    UpstreamFixture fixture("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"");
    fixture.use_up(test::kFirst, code);
    fixture.use_up(test::kSecond, code);
    Taker a(*fixture.pool);
    fixture.settle();
    REQUIRE(a.error);
    CHECK(a.error->code == ErrorCode::exhausted);
    CHECK(fixture.refused(reason) == 1);
    CHECK(fixture.pool->in_use() == 0);
    // Want of descriptors concerns both endpoints alike; ports are used up towards one, which is avoided for a moment.
    const size_t next = fixture.upstream->choose(fixture.runtime.now()).index();
    const bool avoids = fixture.upstream->choose(fixture.runtime.now()).index() == next;
    CHECK(avoids == (code == ErrorCode::conflict));
  }
}

TEST_CASE("an upstream is not blamed where none of its addresses could be called; one that was called decides") {
  UpstreamFixture fixture("", "\"http://optimizer.test:3001\"");
  fixture.runtime.add_name("optimizer.test", {*IpAddress::parse("10.0.0.8"), *IpAddress::parse("10.0.0.9")});
  fixture.use_up("10.0.0.8:3001", ErrorCode::conflict);
  Taker one_called(*fixture.pool);
  fixture.settle();
  REQUIRE(one_called.error);
  CHECK(one_called.error->code == ErrorCode::refused);
  CHECK(fixture.refused("ports") == 0);
  fixture.use_up("10.0.0.9:3001", ErrorCode::conflict);
  Taker none_called(*fixture.pool);
  fixture.settle();
  REQUIRE(none_called.error);
  CHECK(none_called.error->code == ErrorCode::exhausted);
  CHECK(fixture.refused("ports") == 1);
}

TEST_CASE("a connect for which our own TLS files cannot be used is no failure of the upstream") {
  UpstreamFixture fixture;
  std::vector<net::TlsFileProblem> problems;
  const auto unusable = net::TlsContext::for_servers({.cert_file = "/no/tls.crt", .key_file = "/no/tls.key"},
                                                     net::TlsContext::Alpn::http, problems);
  REQUIRE_FALSE(unusable->current());
  const config::Upstream& up = fixture.config->upstreams.at("up");
  Upstream upstream(up, fixture.metrics->upstream("up"),
                    {std::make_shared<Endpoint>(EndpointConfig(up, up.endpoints[0]), fixture.metrics->upstream("up"),
                                                fixture.names, unusable)});
  Pool pool(fixture.runtime, upstream);
  Taker caller(pool);
  fixture.settle();
  REQUIRE(caller.error);
  CHECK(caller.error->code == ErrorCode::exhausted);
  CHECK(caller.error->message == "10.0.0.2:3001: TLS: our own files cannot be used; see tls_files_refused");
  CHECK(fixture.refused("tls_files") == 1);
  CHECK_FALSE(upstream.endpoint(0).just_failed(fixture.runtime.now()));
}

TEST_CASE("a connect without a reply ends after connect_timeout") {
  UpstreamFixture fixture(", connect_timeout: 2s");
  net::SimLink link;
  link.blackhole = 1;
  fixture.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
  Taker a(*fixture.pool);
  fixture.settle(1900ms);
  CHECK(a.answers == 0);
  fixture.settle(200ms);
  REQUIRE(a.error);
  CHECK(a.error->code == ErrorCode::timeout);
  CHECK(a.error->message == "10.0.0.2:3001: connect 10.0.0.2:3001: no response in time");
  CHECK(fixture.runtime.open_operations() == 0);
}

TEST_CASE("the time of waiting for room is not the time of connecting") {
  UpstreamFixture fixture(", connect_timeout: 1s, pending_timeout: 60s", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle(10s);
  CHECK(b.answers == 0);
  CHECK_FALSE(b.connecting);
  a.connection.give_back();
  CHECK(b.has());
}

TEST_CASE("a name is resolved, and its addresses are attempted in order") {
  UpstreamFixture fixture("", "\"http://optimizer.test:3001\"");
  fixture.runtime.add_name("optimizer.test", {*IpAddress::parse("10.0.0.9"), *IpAddress::parse("10.0.0.2")});
  Taker a(*fixture.pool);
  fixture.settle();
  CHECK(a.has());
  Taker b(*fixture.pool);
  fixture.settle();
  CHECK(b.has());
}

TEST_CASE("a name that nobody knows is an error") {
  UpstreamFixture fixture("", "\"http://nowhere.test:3001\"");
  Taker a(*fixture.pool);
  fixture.settle();
  REQUIRE(a.error);
  CHECK(a.error->code == ErrorCode::not_found);
}

TEST_CASE("an endpoint that has just refused is skipped while there is another") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"", 10);
  int refused = 0;
  std::deque<std::unique_ptr<Taker>> takers;
  for (int i = 0; i < 4; ++i) {
    takers.push_back(std::make_unique<Taker>(*fixture.pool));
    fixture.settle(10ms);
    refused += takers.back()->error.has_value();
    if (takers.back()->has()) CHECK(takers.back()->connection.endpoint().authority == "10.0.0.2:3001");
  }
  CHECK(refused == 1);
}

TEST_CASE("at the limit an idle connection to another endpoint makes room") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"", 1);
  fixture.listen(test::kSecond);
  Taker a(*fixture.pool);
  fixture.settle();
  const std::string first = a.connection.endpoint().authority;
  a.connection.give_back();
  CHECK(fixture.pool->idle() == 1);
  Taker b(*fixture.pool);
  fixture.settle();
  REQUIRE(b.has());
  CHECK(fixture.far.size() == 2);
  CHECK(fixture.far[0]->left());
  CHECK(fixture.pool->in_use() == 1);
}

}  // namespace tidegate::core
