// The pool: what is reused, what is not, who waits, and for how long.
#include "unit/core/pool_rig.h"

namespace tidegate::core {

using test::Nobody;
using test::Taker;
using test::UpstreamRig;

TEST_CASE("a connection that comes back whole is used again") {
  UpstreamRig rig;
  CHECK_FALSE(rig.pool->take_idle());
  Taker first(*rig.pool);
  rig.settle();
  REQUIRE(first.has());
  CHECK(rig.pool->in_use() == 1);
  first.connection.give_back();
  CHECK_FALSE(first.has());
  CHECK(rig.pool->in_use() == 0);
  CHECK(rig.pool->idle() == 1);
  PooledConnection again = rig.pool->take_idle();
  CHECK(again);
  CHECK(again.endpoint().authority == "10.0.0.2:3001");
  CHECK(rig.pool->idle() == 0);
  rig.settle();
  CHECK(rig.far.size() == 1);
}

TEST_CASE("a connection in the middle of an answer is closed when it comes back") {
  UpstreamRig rig;
  Nobody nobody;
  Taker first(*rig.pool);
  rig.settle();
  first.connection->begin_request(&nobody, false);
  first.connection.give_back();
  CHECK(rig.pool->idle() == 0);
  CHECK(rig.pool->in_use() == 0);
  rig.settle();
  CHECK(rig.far.at(0)->left());
}

TEST_CASE("no more connections than allowed; who finds none waits in order, and gets what comes back") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\"", 2);
  Taker a(*rig.pool), b(*rig.pool), c(*rig.pool), d(*rig.pool);
  rig.settle();
  CHECK(a.has());
  CHECK(b.has());
  CHECK_FALSE(c.has());
  CHECK_FALSE(d.has());
  CHECK(rig.far.size() == 2);
  b.connection.give_back();
  CHECK(c.has());
  CHECK_FALSE(d.has());
  CHECK(rig.pool->in_use() == 2);
  CHECK(rig.far.size() == 2);
  a.connection.give_back();
  CHECK(d.has());
  CHECK(d.answers == 1);
  CHECK(rig.pool->idle() == 0);
}

TEST_CASE("a spent connection's room goes to who waits, as a new connection") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\"", 1);
  Nobody nobody;
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle();
  a.connection->begin_request(&nobody, false);
  a.connection.give_back();
  rig.settle();
  CHECK(b.has());
  CHECK(rig.far.size() == 2);
  CHECK(rig.far[0]->left());
}

TEST_CASE("a waiter that gives up is not answered, and those behind it are") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*rig.pool), b(*rig.pool), c(*rig.pool);
  rig.settle();
  b.operation.reset();
  a.connection.give_back();
  CHECK_FALSE(b.has());
  CHECK(b.answers == 0);
  CHECK(c.has());
}

TEST_CASE("no more idle connections are kept than max_idle_connections") {
  UpstreamRig rig(", max_idle_connections: 1");
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle();
  a.connection.give_back();
  b.connection.give_back();
  CHECK(rig.pool->idle() == 1);
  rig.settle();
  CHECK_FALSE(rig.far.at(0)->left());
  CHECK(rig.far.at(1)->left());
}

TEST_CASE("max_idle_connections 0 keeps none") {
  UpstreamRig rig(", max_idle_connections: 0");
  Taker a(*rig.pool);
  rig.settle();
  a.connection.give_back();
  rig.settle();
  CHECK(rig.pool->idle() == 0);
  CHECK(rig.far.at(0)->left());
}

TEST_CASE("an idle connection is closed after idle_timeout, each by its own time") {
  UpstreamRig rig(", idle_timeout: 10s");
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle();
  a.connection.give_back();
  rig.settle(4s);
  b.connection.give_back();
  rig.settle(5s);
  CHECK(rig.pool->idle() == 2);
  rig.settle(2s);
  CHECK(rig.pool->idle() == 1);
  CHECK(rig.far.at(0)->left());
  CHECK_FALSE(rig.far.at(1)->left());
  rig.settle(5s);
  CHECK(rig.pool->idle() == 0);
  CHECK(rig.runtime.active_timers() == 0);
}

TEST_CASE("an idle connection that dies, or says what nobody asked for, is not handed out") {
  for (const int how : {0, 1, 2}) {
    CAPTURE(how);
    UpstreamRig rig;
    Taker a(*rig.pool);
    rig.settle();
    a.connection.give_back();
    if (how == 0) rig.far[0]->end();
    if (how == 1) rig.far[0]->reset();
    if (how == 2) rig.far[0]->say("HTTP/1.1 408 Request Timeout\r\n\r\n");
    rig.settle();
    CHECK(rig.pool->idle() == 0);
    CHECK_FALSE(rig.pool->take_idle());
    Taker b(*rig.pool);
    rig.settle();
    CHECK(b.has());
    CHECK(rig.far.size() == 2);
  }
}

TEST_CASE("close_idle closes what is idle and nothing else") {
  UpstreamRig rig;
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle();
  a.connection.give_back();
  rig.pool->close_idle();
  rig.settle();
  CHECK(rig.far.at(0)->left());
  CHECK_FALSE(rig.far.at(1)->left());
  CHECK(rig.pool->in_use() == 1);
  CHECK(rig.runtime.active_timers() == 0);
}

TEST_CASE("the metrics know what is idle and what is busy, and a pool's end takes its share back") {
  UpstreamRig rig;
  const std::string idle = "tidegate_upstream_connections{state=\"idle\",upstream=\"up\"}";
  const std::string busy = "tidegate_upstream_connections{state=\"busy\",upstream=\"up\"}";
  {
    Taker a(*rig.pool), b(*rig.pool);
    rig.settle();
    CHECK(rig.metric(busy) == 2);
    a.connection.give_back();
    CHECK(rig.metric(idle) == 1);
    CHECK(rig.metric(busy) == 1);
  }
  CHECK(rig.metric(idle) == 2);
  rig.pool.reset();
  CHECK(rig.metric(idle) == 0);
  CHECK(rig.metric(busy) == 0);
  rig.settle();
  CHECK(rig.runtime.open_operations() == 0);
}

}  // namespace tidegate::core
