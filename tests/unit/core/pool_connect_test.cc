// How the pool makes its connections: refusals, names, several endpoints, and their time.
#include "unit/core/pool_rig.h"

namespace tidegate::core {

using test::Nobody;
using test::Taker;
using test::UpstreamRig;

TEST_CASE("a connect that is given up makes room at once") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*rig.pool), b(*rig.pool);
  CHECK(rig.pool->in_use() == 1);
  a.operation.reset();
  rig.settle();
  CHECK(a.answers == 0);
  CHECK(b.has());
  CHECK(rig.pool->in_use() == 1);
}

TEST_CASE("nobody listens: refused, with the name of who refused; waiting ones are not left behind") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\"", 1);
  rig.go_away();
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle();
  for (Taker* taker : {&a, &b}) {
    REQUIRE(taker->error);
    CHECK(taker->error->code == ErrorCode::refused);
    CHECK(taker->error->message.find("10.0.0.2:3001") == 0);
  }
  CHECK(rig.pool->in_use() == 0);
}

TEST_CASE("a connect that nobody answers ends after connect_timeout") {
  UpstreamRig rig(", connect_timeout: 2s");
  net::SimLink link;
  link.blackhole = 1;
  rig.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
  Taker a(*rig.pool);
  rig.settle(1900ms);
  CHECK(a.answers == 0);
  rig.settle(200ms);
  REQUIRE(a.error);
  CHECK(a.error->code == ErrorCode::timeout);
  CHECK(rig.runtime.open_operations() == 0);
}

TEST_CASE("the time of waiting for room is not the time of connecting") {
  UpstreamRig rig(", connect_timeout: 1s", "\"http://10.0.0.2:3001\"", 1);
  Taker a(*rig.pool), b(*rig.pool);
  rig.settle(10s);
  CHECK(b.answers == 0);
  a.connection.give_back();
  CHECK(b.has());
}

TEST_CASE("a name is resolved, and its addresses are tried in turn") {
  UpstreamRig rig("", "\"http://optimizer.test:3001\"");
  rig.runtime.add_name("optimizer.test", {*IpAddress::parse("10.0.0.9"), *IpAddress::parse("10.0.0.2")});
  Taker a(*rig.pool);
  rig.settle();
  CHECK(a.has());
  Taker b(*rig.pool);
  rig.settle();
  CHECK(b.has());
}

TEST_CASE("a name that nobody knows is an error") {
  UpstreamRig rig("", "\"http://nowhere.test:3001\"");
  Taker a(*rig.pool);
  rig.settle();
  REQUIRE(a.error);
  CHECK(a.error->code == ErrorCode::not_found);
}

TEST_CASE("an endpoint that has just refused is passed over while another is to be had") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"", 10);
  int refused = 0;
  std::deque<std::unique_ptr<Taker>> takers;
  for (int i = 0; i < 4; ++i) {
    takers.push_back(std::make_unique<Taker>(*rig.pool));
    rig.settle(10ms);
    refused += takers.back()->error.has_value();
    if (takers.back()->has()) CHECK(takers.back()->connection.endpoint().authority == "10.0.0.2:3001");
  }
  CHECK(refused == 1);
}

TEST_CASE("at the limit an idle connection to another endpoint makes room") {
  UpstreamRig rig("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"", 1);
  rig.listen(test::kSecond);
  Taker a(*rig.pool);
  rig.settle();
  const std::string first = a.connection.endpoint().authority;
  a.connection.give_back();
  CHECK(rig.pool->idle() == 1);
  Taker b(*rig.pool);
  rig.settle();
  REQUIRE(b.has());
  CHECK(rig.far.size() == 2);
  CHECK(rig.far[0]->left());
  CHECK(rig.pool->in_use() == 1);
}

}  // namespace tidegate::core
