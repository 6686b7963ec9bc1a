// Which ends of calls eject an endpoint, and what the other endpoints have to do with it.
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using policy::EndpointState;
using test::kGet;
using test::kOk;
using test::TestAttempt;
using test::UpstreamFixture;

namespace {

std::string twice(const std::string& more = "") {
  return ", outlier_ejection: {consecutive_failures: 2, eject_for: 30s" + more + "}";
}

// The first endpoint of two, since the second has just failed to connect.
struct FirstOfTwo {
  FirstOfTwo() : fixture(twice(), test::kBoth) { fixture.listen(test::kSecond); }

  // A call to the first endpoint, which is responded to so.
  void call(const std::string& response, bool is_callers_fault = false, const policy::Conditions* list = nullptr) {
    fixture.upstream->endpoint(1).avoid(fixture.runtime.now());
    std::optional<JudgedFailures> judged;
    if (list) judged.emplace(*list, *fixture.upstream);
    TestAttempt one(fixture);
    if (list) one.judged = &*judged;
    one.is_callers_fault = is_callers_fault;
    one.start().get();
    if (response.empty()) {
      fixture.far.back()->reset();
    } else {
      fixture.far.back()->say(response);
    }
    fixture.settle();
    if (response.ends_with("\nx")) fixture.far.back()->reset();  // in its middle
    fixture.settle();
  }

  UpstreamFixture fixture;
};

const std::string kBroken = "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const std::string kBusy = "HTTP/1.1 429 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("failed calls in a row eject an endpoint; one that succeeds begins the count anew") {
  struct Row {
    std::vector<std::string> responses;  // "": a reset
    bool ejected;
  };
  for (const Row& row : {
           Row{{kBroken, kBroken}, true},
           Row{{"", ""}, true},
           Row{{kBroken, ""}, true},
           Row{{kBroken, kGood, kBroken}, false},
           Row{{kBusy, kBusy, kBusy}, false},
           // one call, and one failure: first by its status, then by its end
           Row{{"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nx"}, false},
           // whatever its headers, a response that breaks off is no success
           Row{{"nonsense\r\n\r\n", "nonsense\r\n\r\n"}, true},
       }) {
    CAPTURE(row.responses[0]);
    FirstOfTwo two;
    for (const std::string& response : row.responses) two.call(response);
    CHECK((two.fixture.state_of(0) == EndpointState::ejected) == row.ejected);
    CHECK(two.fixture.state_of(1) == EndpointState::healthy);
    const double ejections =
        two.fixture.metric("tidegate_upstream_ejections_total{endpoint=\"10.0.0.2:3001\",upstream=\"up\"}");
    CHECK(ejections == (row.ejected ? 1 : 0));
  }
}

TEST_CASE("a call counts as the breaker of its route counts it") {
  const policy::Conditions list = *policy::Conditions::of({"429", "reset"});
  for (const auto& [response, ejected] :
       {std::pair<std::string, bool>(kBusy, true), {"", true}, {kBroken, false}, {kGood, false}}) {
    CAPTURE(response);
    FirstOfTwo two;
    for (int i = 0; i < 2; ++i) two.call(response, false, &list);
    CHECK((two.fixture.state_of(0) == EndpointState::ejected) == ejected);
  }
}

TEST_CASE("of a caller that is known to fail by its own fault nothing counts but a failed connection") {
  FirstOfTwo two;
  for (int i = 0; i < 5; ++i) two.call(kBroken, true);
  CHECK(two.fixture.state_of(0) == EndpointState::healthy);
  two.fixture.listeners.erase(two.fixture.listeners.begin());
  for (int i = 0; i < 2; ++i) {
    // It is the only one that is not avoided.
    two.fixture.upstream->endpoint(0).connected(two.fixture.runtime.now());
    two.fixture.upstream->endpoint(1).avoid(two.fixture.runtime.now());
    TestAttempt one(two.fixture);
    one.is_callers_fault = true;
    one.start();
    two.fixture.settle();
    CHECK(one.events == ";connect_failure");
  }
  CHECK(two.fixture.state_of(0) == EndpointState::ejected);
}

TEST_CASE("an ejected endpoint gets no requests, its idle connections are closed, and it gets its share afterwards") {
  UpstreamFixture fixture(twice() + ", balance: round_robin", test::kBoth, 10);
  const auto choose = [&] { return fixture.upstream->choose(fixture.runtime.now()).index(); };
  TestAttempt one(fixture);
  one.start().get();
  fixture.far.at(0)->say(kOk);
  fixture.settle();
  REQUIRE(fixture.pool->idle() == 1);
  for (int i = 0; i < 2; ++i) fixture.upstream->call_failed(0, "reset", fixture.runtime.now(), fixture.runtime.now());
  REQUIRE(fixture.state_of(0) == EndpointState::ejected);
  fixture.settle();
  CHECK(fixture.pool->idle() == 0);
  for (int i = 0; i < 101; ++i) CHECK(choose() == 1);
  fixture.settle(31s);
  CHECK(fixture.state_of(0) == EndpointState::healthy);
  int to_first = 0;
  for (int i = 0; i < 100; ++i) to_first += choose() == 0 ? 1 : 0;
  CHECK(to_first >= 50);
  CHECK(to_first <= 51);  // not flooded
}

TEST_CASE(
    "the last endpoint that is healthy is never ejected; while it cannot be connected to, one that responds serves") {
  UpstreamFixture fixture(twice(", max_ejected: 1"), test::kBoth);
  const auto fail = [&](size_t endpoint) {
    for (int i = 0; i < 3; ++i) {
      fixture.upstream->call_failed(endpoint, "500", fixture.runtime.now(), fixture.runtime.now());
    }
  };
  const auto choose = [&] { return fixture.upstream->choose(fixture.runtime.now()).index(); };
  fail(0);
  CHECK(fixture.state_of(0) == EndpointState::ejected);
  fail(1);
  CHECK(fixture.state_of(1) == EndpointState::healthy);
  CHECK(choose() == 1);
  fixture.upstream->endpoint(1).connect_failed("refused", fixture.runtime.now());
  CHECK(choose() == 0);
  fixture.settle(1s);
  CHECK(choose() == 1);  // it is tried again
}

TEST_CASE("where all endpoints are out, one that refuses connections is still passed over for a moment") {
  UpstreamFixture fixture(", health_check: {unhealthy_after: 1}", test::kBoth, 10);
  for (size_t i = 0; i < 2; ++i) fixture.upstream->endpoint(i).health().check_failed("404", fixture.runtime.now());
  fixture.upstream->endpoint(1).connect_failed("refused", fixture.runtime.now());
  std::vector<CountedRequest> busy;
  for (int i = 0; i < 10; ++i) {
    busy.push_back(fixture.upstream->choose(fixture.runtime.now()));
    CHECK(busy.back().index() == 0);
  }
}

TEST_CASE("a request that has failed at one endpoint goes to another, if there is one") {
  UpstreamFixture fixture("", test::kBoth, 10);
  fixture.listen(test::kSecond);
  for (const size_t failed_at : {0, 0, 1, 1, 1, 0}) {
    CHECK(fixture.upstream->choose(fixture.runtime.now(), {.failed_at = failed_at}).index() == 1 - failed_at);
  }
  UpstreamFixture alone;
  CHECK(alone.upstream->choose(alone.runtime.now(), {.failed_at = 0}).index() == 0);
}

}  // namespace tidegate::core
