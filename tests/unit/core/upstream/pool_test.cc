// The pool: which connections are reused, which callers wait, and for how long.
#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using test::Nobody;
using test::Taker;
using test::UpstreamFixture;

TEST_CASE("a connection that is returned complete is used again") {
  UpstreamFixture fixture;
  Taker first(*fixture.pool);
  CHECK_FALSE(first.has());
  fixture.settle();
  REQUIRE(first.has());
  CHECK(fixture.pool->in_use() == 1);
  first.connection.give_back();
  CHECK_FALSE(first.has());
  CHECK(fixture.pool->in_use() == 0);
  CHECK(fixture.pool->idle() == 1);
  Taker again(*fixture.pool);
  CHECK(again.has());
  CHECK(again.connection.endpoint().authority == "10.0.0.2:3001");
  CHECK(fixture.pool->idle() == 0);
  fixture.settle();
  CHECK(fixture.far.size() == 1);
}

TEST_CASE("a connection in the middle of a response is closed when it is returned") {
  UpstreamFixture fixture;
  Nobody nobody;
  Taker first(*fixture.pool);
  fixture.settle();
  first.connection->begin_request(&nobody, false);
  first.connection.give_back();
  CHECK(fixture.pool->idle() == 0);
  CHECK(fixture.pool->in_use() == 0);
  fixture.settle();
  CHECK(fixture.far.at(0)->left());
}

TEST_CASE("no more connections than allowed; callers wait in order, and get what is returned") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\"", 2);
  Taker a(*fixture.pool), b(*fixture.pool), c(*fixture.pool), d(*fixture.pool);
  fixture.settle();
  CHECK(a.has());
  CHECK(b.has());
  CHECK_FALSE(c.has());
  CHECK_FALSE(d.has());
  CHECK(fixture.far.size() == 2);
  b.connection.give_back();
  CHECK(c.has());
  CHECK_FALSE(d.has());
  CHECK(fixture.pool->in_use() == 2);
  CHECK(fixture.far.size() == 2);
  a.connection.give_back();
  CHECK(d.has());
  CHECK(d.answers == 1);
  CHECK(fixture.pool->idle() == 0);
}

TEST_CASE("the room of a spent connection goes to a waiter, as a new connection") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\"", 1);
  Nobody nobody;
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();
  fixture.settle();
  CHECK(b.has());
  CHECK(fixture.far.size() == 2);
  CHECK(fixture.far[0]->left());
}

TEST_CASE("a waiter that gives up is not called, and those behind it are") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*fixture.pool), b(*fixture.pool), c(*fixture.pool);
  fixture.settle();
  b.operation.reset();
  a.connection.give_back();
  CHECK_FALSE(b.has());
  CHECK(b.answers == 0);
  CHECK(c.has());
}

TEST_CASE("no more idle connections are kept than max_idle_connections") {
  UpstreamFixture fixture(", max_idle_connections: 1");
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  b.connection.give_back();
  CHECK(fixture.pool->idle() == 1);
  fixture.settle();
  CHECK_FALSE(fixture.far.at(0)->left());
  CHECK(fixture.far.at(1)->left());
}

TEST_CASE("max_idle_connections 0 keeps none") {
  UpstreamFixture fixture(", max_idle_connections: 0");
  Taker a(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  fixture.settle();
  CHECK(fixture.pool->idle() == 0);
  CHECK(fixture.far.at(0)->left());
}

TEST_CASE("an idle connection is closed after idle_timeout, each by its own time") {
  UpstreamFixture fixture(", idle_timeout: 10s");
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  fixture.settle(4s);
  b.connection.give_back();
  fixture.settle(5s);
  CHECK(fixture.pool->idle() == 2);
  fixture.settle(2s);
  CHECK(fixture.pool->idle() == 1);
  CHECK(fixture.far.at(0)->left());
  CHECK_FALSE(fixture.far.at(1)->left());
  fixture.settle(5s);
  CHECK(fixture.pool->idle() == 0);
  CHECK(fixture.runtime.active_timers() == 0);
}

TEST_CASE("an idle connection that is closed, or sends unexpected bytes, is not handed out") {
  for (const int how : {0, 1, 2}) {
    CAPTURE(how);
    UpstreamFixture fixture;
    Taker a(*fixture.pool);
    fixture.settle();
    a.connection.give_back();
    if (how == 0) fixture.far[0]->end();
    if (how == 1) fixture.far[0]->reset();
    if (how == 2) fixture.far[0]->say("HTTP/1.1 408 Request Timeout\r\n\r\n");
    fixture.settle();
    CHECK(fixture.pool->idle() == 0);
    Taker b(*fixture.pool);
    CHECK_FALSE(b.has());
    fixture.settle();
    CHECK(b.has());
    CHECK(fixture.far.size() == 2);
  }
}

TEST_CASE("close_idle closes what is idle and nothing else") {
  UpstreamFixture fixture;
  Taker a(*fixture.pool), b(*fixture.pool);
  fixture.settle();
  a.connection.give_back();
  fixture.pool->close_idle();
  fixture.settle();
  CHECK(fixture.far.at(0)->left());
  CHECK_FALSE(fixture.far.at(1)->left());
  CHECK(fixture.pool->in_use() == 1);
  CHECK(fixture.runtime.active_timers() == 0);
}

TEST_CASE("the metrics know what is idle and what is busy, and a pool's end takes its share back") {
  UpstreamFixture fixture;
  const std::string idle = "tidegate_upstream_connections{state=\"idle\",upstream=\"up\"}";
  const std::string busy = "tidegate_upstream_connections{state=\"busy\",upstream=\"up\"}";
  {
    Taker a(*fixture.pool), b(*fixture.pool);
    fixture.settle();
    CHECK(fixture.metric(busy) == 2);
    a.connection.give_back();
    CHECK(fixture.metric(idle) == 1);
    CHECK(fixture.metric(busy) == 1);
  }
  CHECK(fixture.metric(idle) == 2);
  fixture.pool.reset();
  CHECK(fixture.metric(idle) == 0);
  CHECK(fixture.metric(busy) == 0);
  fixture.settle();
  CHECK(fixture.runtime.open_operations() == 0);
}

}  // namespace tidegate::core
