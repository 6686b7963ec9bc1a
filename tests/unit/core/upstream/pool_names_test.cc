// Endpoints that are names: their addresses, and what becomes of connections when those change.
#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using test::kFirst;
using test::kSecond;
using test::Nobody;
using test::Taker;
using test::UpstreamFixture;

namespace {

constexpr const char* kNamed = "\"http://optimizer.test:3001\"";

void set_addresses(UpstreamFixture& fixture, const std::vector<std::string>& addresses, Duration delay = {}) {
  net::SimName name;
  name.delay = delay;
  for (const std::string& address : addresses) name.addresses.push_back(*IpAddress::parse(address));
  fixture.runtime.set_name("optimizer.test", name);
}

std::string peer_of(const Taker& taker) { return taker.connection->peer().to_string(); }

}  // namespace

TEST_CASE("a connection needs no look-up of its own") {
  UpstreamFixture fixture(", dns: {refresh: 1h}", kNamed, 10);
  set_addresses(fixture, {"10.0.0.2"});
  std::deque<Taker> takers;
  for (int i = 0; i < 5; ++i) {
    takers.emplace_back(*fixture.pool);
    fixture.settle();
    CHECK(takers.back().has());
  }
  CHECK(fixture.runtime.lookups() == 1);
  CHECK(fixture.metric("tidegate_upstream_lookups_total{result=\"found\",upstream=\"up\"}") == 1);
  CHECK(fixture.metric("tidegate_upstream_lookups_total{result=\"failed\",upstream=\"up\"}") == 0);
}

TEST_CASE("connections use all addresses of a name, and go on doing so while one does not respond") {
  UpstreamFixture fixture("", kNamed, 20);
  set_addresses(fixture, {"10.0.0.2", "10.0.0.3", "10.0.0.9"});
  fixture.listen(kSecond);
  net::SimLink link;
  link.blackhole = 1;
  fixture.runtime.set_link(*SocketAddress::parse("10.0.0.9:3001"), link);
  std::deque<Taker> takers;
  std::map<std::string, int> reached;
  for (int i = 0; i < 10; ++i) {
    takers.emplace_back(*fixture.pool);
    fixture.settle(300ms);
    REQUIRE(takers.back().has());
    ++reached[peer_of(takers.back())];
  }
  CHECK(reached[kFirst] >= 4);
  CHECK(reached[kSecond] >= 4);
}

TEST_CASE("no address connects: the error names each, and the name") {
  UpstreamFixture fixture(", connect_timeout: 1s", kNamed);
  set_addresses(fixture, {"10.0.0.8", "10.0.0.9"});
  net::SimLink link;
  link.blackhole = 1;
  fixture.runtime.set_link(*SocketAddress::parse("10.0.0.9:3001"), link);
  Taker a(*fixture.pool);
  fixture.settle(1100ms);
  REQUIRE(a.error);
  CHECK(a.error->message ==
        "optimizer.test:3001: connect 10.0.0.8:3001: connection refused; connect 10.0.0.9:3001: no response in time");
}

TEST_CASE("the first look-up is awaited for connect_timeout at most; its failure is the reason") {
  UpstreamFixture fixture(", connect_timeout: 1s", kNamed);  // nobody knows the name yet
  Taker missing(*fixture.pool);
  fixture.settle();
  REQUIRE(missing.error);
  CHECK(missing.error->message == "optimizer.test:3001: resolve optimizer.test: no such name");
  CHECK(fixture.metric("tidegate_upstream_lookups_total{result=\"failed\",upstream=\"up\"}") == 1);
  set_addresses(fixture, {"10.0.0.2"}, 1500ms);
  fixture.settle(1s);
  Taker hasty(*fixture.pool);
  fixture.settle(1100ms);
  REQUIRE(hasty.error);
  CHECK(hasty.error->code == ErrorCode::timeout);
  CHECK(hasty.error->message == "optimizer.test:3001: resolve optimizer.test: no response in time");
  Taker patient(*fixture.pool);
  fixture.settle(600ms);
  CHECK(patient.has());
}

TEST_CASE("a kept connection to an address that has left the name is closed instead of used again") {
  UpstreamFixture fixture(", dns: {refresh: 1s}", kNamed);
  set_addresses(fixture, {"10.0.0.2"});
  fixture.listen(kSecond);
  Taker a(*fixture.pool), leased(*fixture.pool);
  fixture.settle();
  REQUIRE(a.has());
  REQUIRE(leased.has());
  a.connection.give_back();
  CHECK(fixture.pool->idle() == 1);

  set_addresses(fixture, {"10.0.0.3"});
  fixture.settle(2s);
  Taker b(*fixture.pool);
  fixture.settle();
  REQUIRE(b.has());
  CHECK(peer_of(b) == kSecond);
  CHECK(fixture.far[0]->left() != fixture.far[1]->left());  // the kept one
  leased.connection.give_back();                            // its response was the old address's; it carries no other
  CHECK(fixture.pool->idle() == 0);
  b.connection.give_back();
  CHECK(fixture.pool->idle() == 1);
  CHECK(fixture.pool->in_use() == 0);
}

TEST_CASE("a kept connection stays where its address has stayed, and while look-ups fail") {
  UpstreamFixture fixture(", dns: {refresh: 1s, stale: 1s}", kNamed);
  set_addresses(fixture, {"10.0.0.2"});
  Taker a(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  set_addresses(fixture, {"10.0.0.3", "10.0.0.2"});
  fixture.settle(2s);
  Taker b(*fixture.pool);
  REQUIRE(b.has());
  b.connection.give_back();
  fixture.runtime.set_name("optimizer.test", {{}, ErrorCode::unavailable, {}});
  fixture.settle(10s);
  CHECK(to_string(fixture.upstream->endpoint(0).name()->view().state) == std::string("failed"));
  Taker c(*fixture.pool);
  CHECK(c.has());
}

TEST_CASE("at the limit, kept connections to addresses of before make room") {
  UpstreamFixture fixture(", dns: {refresh: 1s}", kNamed, 2);
  set_addresses(fixture, {"10.0.0.2"});
  fixture.listen(kSecond);
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  b.connection.give_back();
  CHECK(fixture.pool->idle() == 2);
  set_addresses(fixture, {"10.0.0.3"});
  fixture.settle(2s);
  Taker c(*fixture.pool), d(*fixture.pool);
  fixture.settle();
  REQUIRE(c.has());
  REQUIRE(d.has());
  CHECK(peer_of(c) == kSecond);
  CHECK(fixture.pool->in_use() == 2);
  CHECK(fixture.pool->idle() == 0);
}

}  // namespace tidegate::core
