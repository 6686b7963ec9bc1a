// Callers that wait for a connection: how many, for how long, and over the pools of several workers.
#include <algorithm>

#include "base/log.h"
#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using test::Nobody;
using test::Taker;
using test::UpstreamFixture;

namespace {

constexpr const char* kOne = "\"http://10.0.0.2:3001\"";

}  // namespace

TEST_CASE("no more callers wait than max_pending; the next one is refused, later and not inside the call") {
  UpstreamFixture fixture(", max_pending: 1", kOne, 1);
  Taker a(*fixture.pool), b(*fixture.pool), c(*fixture.pool);
  CHECK(fixture.upstream->connections().waiting() == 1);
  CHECK(c.answers == 0);
  fixture.settle();
  CHECK(b.answers == 0);
  REQUIRE(c.error);
  CHECK(c.error->code == ErrorCode::exhausted);
  CHECK(fixture.refused("limit") == 1);
  a.connection.give_back();
  CHECK(b.has());
}

TEST_CASE("refusals for one reason are logged although some for another have just been") {
  UpstreamFixture fixture(", max_pending: 0", kOne, 1);
  std::string log;
  log_set_sink([&](LogLevel, std::string_view line) { log += line; });
  Taker a(*fixture.pool), b(*fixture.pool), c(*fixture.pool);
  fixture.settle();
  CHECK(fixture.refused("limit") == 2);
  Nobody nobody;
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();  // cannot be used again
  fixture.use_up(test::kFirst, ErrorCode::conflict);
  Taker d(*fixture.pool);
  fixture.settle();
  CHECK(fixture.refused("ports") == 1);
  log_set_sink({});
  CHECK_MESSAGE(log.find("limit") != std::string::npos, log);
  CHECK_MESSAGE(log.find("ports") != std::string::npos, log);
}

TEST_CASE("max_pending 0: nobody waits") {
  UpstreamFixture fixture(", max_pending: 0", kOne, 1);
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  CHECK(a.has());
  CHECK(b.error);
  CHECK(fixture.pool->in_use() == 1);
}

TEST_CASE("nobody waits longer than pending_timeout, nor beyond its own limit") {
  UpstreamFixture fixture(", pending_timeout: 3s", kOne, 1);
  Taker a(*fixture.pool), b(*fixture.pool);
  Taker hasty(*fixture.pool, fixture.runtime.now() + 1s);
  fixture.settle(900ms);
  CHECK(hasty.answers == 0);
  fixture.settle(200ms);
  REQUIRE(hasty.error);
  CHECK(hasty.error->code == ErrorCode::exhausted);
  fixture.settle(1800ms);
  CHECK(b.answers == 0);
  fixture.settle(200ms);
  REQUIRE(b.error);
  CHECK(b.error->code == ErrorCode::exhausted);
  CHECK(fixture.upstream->connections().waiting() == 0);
  CHECK(fixture.refused("limit") == 2);
  a.connection.give_back();
  CHECK(fixture.pool->idle() == 1);
}

TEST_CASE("a caller is told when connecting begins: at once, when room comes, or never") {
  UpstreamFixture fixture("", kOne, 1);
  Taker a(*fixture.pool), b(*fixture.pool), c(*fixture.pool);
  CHECK(a.connecting);
  fixture.settle();
  CHECK_FALSE(b.connecting);
  Nobody nobody;
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();  // cannot be used again: room for a new one
  fixture.settle();
  CHECK(b.connecting);
  REQUIRE(b.has());
  b.connection.give_back();
  CHECK(c.has());
  CHECK_FALSE(c.connecting);
}

TEST_CASE("the pools of several workers share one count, and callers of each are served") {
  UpstreamFixture fixture(", pending_timeout: 60s", kOne, 2);
  Pool other(fixture.runtime, *fixture.upstream), third(fixture.runtime, *fixture.upstream);
  std::deque<std::unique_ptr<Taker>> takers;
  for (int i = 0; i < 4; ++i) {
    for (Pool* pool : {fixture.pool.get(), &other, &third}) takers.push_back(std::make_unique<Taker>(*pool));
  }
  size_t served = 0;
  while (served < takers.size()) {
    fixture.settle();
    const size_t in_use = static_cast<size_t>(fixture.pool->in_use() + other.in_use() + third.in_use());
    CHECK(in_use == std::min<size_t>(2, takers.size() - served));
    const size_t before = served;
    for (auto& taker : takers) {
      if (!taker->has()) continue;
      taker->connection.give_back();
      ++served;
      break;
    }
    REQUIRE(served > before);
  }
  takers.clear();
  CHECK(fixture.upstream->connections().waiting() == 0);
}

TEST_CASE("a connection that another worker keeps idle makes room for who waits") {
  UpstreamFixture fixture("", kOne, 1);
  Pool other(fixture.runtime, *fixture.upstream);
  Taker a(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  REQUIRE(fixture.pool->idle() == 1);
  Taker b(other);
  fixture.settle();
  CHECK(b.has());
  CHECK(fixture.pool->idle() == 0);
  CHECK(fixture.far.at(0)->left());
}

TEST_CASE("room that was granted to who has given up goes on") {
  UpstreamFixture fixture("", kOne, 1);
  Pool other(fixture.runtime, *fixture.upstream);
  Taker a(*fixture.pool), b(other), c(*fixture.pool);
  fixture.settle();
  Nobody nobody;
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();  // granted to b or c; the news is on its way
  b.operation.reset();
  fixture.settle();
  CHECK(c.has());
  c.connection.give_back();
  fixture.settle();
  Taker d(other);
  fixture.settle();
  CHECK(d.has());
}

TEST_CASE("room that was granted to who has given up serves who comes before it arrives, and nobody waits any more") {
  UpstreamFixture fixture("", kOne, 1);
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  Nobody nobody;
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();  // granted to b; the news is on its way
  b.operation.reset();
  Taker d(*fixture.pool);
  fixture.settle();
  CHECK(d.has());
  CHECK(fixture.upstream->connections().waiting() == 0);
  d.connection.give_back();
  fixture.settle();
  Taker e(*fixture.pool);
  CHECK(e.has());
}

TEST_CASE("callers that come, give up and get connections in any order leave no waiter and no connection behind") {
  Random random(7);
  UpstreamFixture fixture("", kOne, 2);
  {
    Pool other(fixture.runtime, *fixture.upstream);
    std::vector<std::unique_ptr<Taker>> takers;
    Nobody nobody;
    for (int step = 0; step < 20'000; ++step) {
      const uint64_t act = random.below(8);
      if (act < 3 || takers.empty()) {
        takers.push_back(std::make_unique<Taker>(random.below(2) == 0 ? *fixture.pool : other));
      } else if (act < 6) {
        const auto taker = takers.begin() + static_cast<std::ptrdiff_t>(random.below(takers.size()));
        if ((*taker)->has() && random.below(2) == 0) (*taker)->connection->begin_request(&nobody, false);  // spoilt
        takers.erase(taker);
      } else {
        fixture.settle(1ms);
      }
    }
    takers.clear();
    fixture.settle();
    CHECK(fixture.upstream->connections().waiting() == 0);
    CHECK(fixture.pool->in_use() + other.in_use() == 0);
  }
  Taker last(*fixture.pool);
  fixture.settle();
  CHECK(last.has());
}

}  // namespace tidegate::core
