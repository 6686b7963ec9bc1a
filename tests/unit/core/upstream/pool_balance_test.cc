// How the pool spreads requests over the endpoints of an upstream.
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>

#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using test::Taker;
using test::UpstreamFixture;

namespace {

using Requests = std::map<std::string, int>;  // by endpoint

std::string endpoint_of(const Taker& taker) { return taker.connection.endpoint().authority; }

// Requests one after the other, each on a connection that is then given back.
Requests in_sequence(UpstreamFixture& fixture, int count) {
  Requests requests;
  for (int i = 0; i < count; ++i) {
    Taker taker(*fixture.pool);
    fixture.settle(10ms);
    REQUIRE(taker.has());
    ++requests[endpoint_of(taker)];
  }
  return requests;
}

}  // namespace

TEST_CASE("both balancers spread sequential requests evenly over equal endpoints") {
  for (const char* balance : {"round_robin", "least_requests"}) {
    for (const int idle : {10, 1, 0}) {
      CAPTURE(balance);
      CAPTURE(idle);
      UpstreamFixture fixture(std::string(", balance: ") + balance + ", max_idle_connections: " + std::to_string(idle),
                              test::kBoth);
      fixture.listen(test::kSecond);
      CHECK(in_sequence(fixture, 40) == Requests{{test::kFirst, 20}, {test::kSecond, 20}});
      if (idle > 1) CHECK(fixture.far.size() == 2);  // each endpoint's connection was used again
    }
  }
}

TEST_CASE("round_robin goes on evenly where every request had to wait for room") {
  UpstreamFixture fixture(", balance: round_robin, max_idle_connections: 0", test::kBoth, 1);
  fixture.listen(test::kSecond);
  auto holder = std::make_unique<Taker>(*fixture.pool);
  fixture.settle(10ms);
  Requests requests;
  for (int i = 0; i < 40; ++i) {
    auto next = std::make_unique<Taker>(*fixture.pool);
    CHECK_FALSE(next->has());
    test::Nobody nobody;
    holder->connection->begin_request(&nobody, false);  // not finished: it cannot be used again
    holder = std::move(next);
    fixture.settle(10ms);
    REQUIRE(holder->has());
    ++requests[endpoint_of(*holder)];
  }
  CHECK(requests == Requests{{test::kFirst, 20}, {test::kSecond, 20}});
}

TEST_CASE("round_robin is even over two workers, whichever gets the next request and however long each takes") {
  UpstreamFixture fixture(", balance: round_robin, max_idle_connections: 3", test::kBoth, 1000);
  fixture.listen(test::kSecond);
  Pool other(fixture.runtime, *fixture.upstream);
  Random random(3);
  std::deque<std::unique_ptr<Taker>> held;
  Requests requests{{test::kFirst, 0}, {test::kSecond, 0}};
  for (int i = 0; i < 300; ++i) {
    held.push_back(std::make_unique<Taker>(random.chance(0.7) ? *fixture.pool : other));
    fixture.settle(10ms);
    REQUIRE(held.back()->has());
    ++requests[endpoint_of(*held.back())];
    CHECK(std::abs(requests[test::kFirst] - requests[test::kSecond]) <= 1);
    while (!held.empty() && random.chance(0.6)) held.erase(held.begin() + static_cast<int>(random.below(held.size())));
  }
}

TEST_CASE("least_requests prefers the endpoint with fewer requests in flight") {
  UpstreamFixture fixture(", balance: least_requests", test::kBoth, 10);
  fixture.listen(test::kSecond);
  Taker held(*fixture.pool);
  fixture.settle(10ms);
  const std::string other = endpoint_of(held) == test::kFirst ? test::kSecond : test::kFirst;
  CHECK(in_sequence(fixture, 10) == Requests{{other, 10}});
}

}  // namespace tidegate::core
