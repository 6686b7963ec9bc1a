// What operators are shown of an upstream after its attempts: its last failure, and the health of its endpoints.
#include "unit/core/upstream/attempt_fixture.h"
#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using policy::Outcome;
using test::Taker;
using test::TestAttempt;
using test::UpstreamFixture;

namespace {

policy::EndpointStateView endpoint_of(const UpstreamFixture& fixture) {
  return fixture.upstream->endpoint(0).health().view();
}
int busy(const UpstreamFixture& fixture) { return static_cast<int>(fixture.upstream->endpoint(0).load().requests); }
int idle(const UpstreamFixture& fixture) { return fixture.upstream->endpoint(0).idle(); }
bool is_healthy(const UpstreamFixture& fixture) { return endpoint_of(fixture).state == policy::EndpointState::healthy; }

}  // namespace

TEST_CASE("a refused connection is noted with its endpoint and its reason, and the next one that succeeds ends it") {
  UpstreamFixture fixture;
  CHECK_FALSE(fixture.upstream->failures().last());
  fixture.go_away();
  TestAttempt refused(fixture);
  refused.start();
  fixture.settle();
  const auto failure = fixture.upstream->failures().last();
  REQUIRE(failure);
  CHECK(failure->outcome == Outcome::connect_failure);
  CHECK(failure->endpoint == 0);
  CHECK(failure->reason.find("10.0.0.2:3001") != std::string::npos);
  CHECK(endpoint_of(fixture).failed_connects == 1);
  CHECK_FALSE(is_healthy(fixture));

  fixture.listen(test::kFirst);
  TestAttempt served(fixture);
  served.start().get();
  CHECK(is_healthy(fixture));
  CHECK(fixture.upstream->failures().last()->outcome == Outcome::connect_failure);
}

TEST_CASE(
    "a response on an open connection shows that the endpoint is there, and does not make it the next to connect to") {
  UpstreamFixture fixture("", "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"");
  TestAttempt open(fixture);
  open.start().get();
  fixture.upstream->endpoint(0).connect_failed("no reply", fixture.runtime.now());
  CHECK_FALSE(is_healthy(fixture));
  fixture.far.at(0)->say(test::kOk);
  fixture.settle();
  CHECK(is_healthy(fixture));
  CHECK(fixture.upstream->choose(fixture.runtime.now()).index() == 1);
  CHECK(fixture.upstream->choose(fixture.runtime.now()).index() == 1);
}

TEST_CASE("a connect that has no reply within the attempt's own time is noted too") {
  UpstreamFixture fixture(", connect_timeout: 10s");
  net::SimLink link;
  link.blackhole = 1;
  fixture.runtime.set_link(*SocketAddress::parse(test::kFirst), link);
  TestAttempt hung(fixture);
  hung.start(6s);
  fixture.settle(7s);
  CHECK(hung.events == ";connect_failure");
  CHECK(endpoint_of(fixture).failed_connects == 1);
  CHECK(fixture.upstream->failures().last()->outcome == Outcome::connect_failure);
}

TEST_CASE("a status is a failure by the list of the breaker that judges, and without a breaker from 500 on") {
  struct Row {
    const char* list;  // "": no breaker
    const char* response;
    bool is_failure;
  };
  for (const Row& row :
       {Row{"", "503", true}, Row{"", "404", false}, Row{"429", "503", false}, Row{"429", "429", true}}) {
    CAPTURE(row.list);
    CAPTURE(row.response);
    UpstreamFixture fixture;
    const policy::Conditions list = *row.list ? *policy::Conditions::of({row.list}) : policy::Conditions();
    JudgedFailures judged(list, *fixture.upstream);
    TestAttempt one(fixture);
    if (*row.list) one.judged = &judged;
    one.start().get();
    fixture.far.at(0)->say("HTTP/1.1 " + std::string(row.response) + " No\r\nContent-Length: 0\r\n\r\n");
    fixture.settle();
    const auto failure = fixture.upstream->failures().last();
    REQUIRE(failure.has_value() == row.is_failure);
    CHECK(judged.note.last().has_value() == (row.is_failure && *row.list != 0));
    if (!failure) continue;
    CHECK(failure->outcome == Outcome::bad_upstream_response);
    CHECK(failure->reason == row.response);
    CHECK(is_healthy(fixture));  // it can be reached
  }
}

TEST_CASE("a breaker notes the failures that are on its list, the upstream notes all") {
  UpstreamFixture fixture;
  const policy::Conditions list = *policy::Conditions::of({"429"});
  JudgedFailures judged(list, *fixture.upstream);
  fixture.go_away();
  TestAttempt refused(fixture);
  refused.judged = &judged;
  refused.start();
  fixture.settle();
  CHECK(fixture.upstream->failures().last());
  CHECK_FALSE(judged.note.last());
}

TEST_CASE("a reset is noted with the peer that sent it") {
  UpstreamFixture fixture;
  TestAttempt one(fixture);
  one.start().get();
  fixture.far.at(0)->reset();
  fixture.settle();
  const auto failure = fixture.upstream->failures().last();
  REQUIRE(failure);
  CHECK(failure->outcome == Outcome::reset);
  CHECK(failure->reason == "connection reset by 10.0.0.2:3001");
}

TEST_CASE("a client's fault, and what this process has used up, say nothing about the upstream") {
  UpstreamFixture late;
  TestAttempt one(late);
  one.start(1s);
  late.settle();
  one.attempt->send(test::kPost, false, "half");
  late.settle(1100ms);
  CHECK(one.events == "ready;starved");
  CHECK_FALSE(late.upstream->failures().last());

  UpstreamFixture used_up;
  used_up.use_up(test::kFirst, ErrorCode::conflict);
  Taker none(*used_up.pool);
  used_up.settle();
  CHECK(none.error);
  CHECK(is_healthy(used_up));
  CHECK_FALSE(used_up.upstream->failures().last());
}

TEST_CASE("the connections of an endpoint are counted, idle and busy, until they are gone") {
  UpstreamFixture fixture;
  {
    Taker a(*fixture.pool), b(*fixture.pool);
    fixture.settle();
    CHECK(busy(fixture) == 2);
    CHECK(idle(fixture) == 0);
    a.connection.give_back();
    CHECK(busy(fixture) == 1);
    CHECK(idle(fixture) == 1);
  }
  CHECK(idle(fixture) == 2);
  fixture.pool->close_idle();
  CHECK(idle(fixture) == 0);
  CHECK(busy(fixture) == 0);
}

}  // namespace tidegate::core
