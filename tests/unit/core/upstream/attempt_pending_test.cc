// An attempt that waits for a connection: the wait is Tidegate's own, not the upstream's.
#include "unit/core/upstream/attempt_fixture.h"

namespace tidegate::core {

using test::attempts;
using test::kOk;
using test::TestAttempt;
using test::UpstreamFixture;

namespace {

// All connections are in use: one attempt holds the only one.
struct Full {
  explicit Full(const std::string& settings) : fixture(settings, "\"http://10.0.0.2:3001\"", 1), holder(fixture) {
    holder.start(60s, 60s).get();
  }
  void free_the_connection() {
    fixture.far.at(0)->say(kOk);
    fixture.settle();
    REQUIRE(holder.events == "ready;200;[hello];complete");
  }
  UpstreamFixture fixture;
  TestAttempt holder;
};

double any_attempts(UpstreamFixture& fixture) {
  double sum = 0;
  for (const char* result : {"response", "connect_failure", "timeout", "reset", "bad_response", "cancelled"}) {
    sum += attempts(fixture, result);
  }
  return sum;
}

}  // namespace

TEST_CASE("the upstream's time begins when there is a connection") {
  Full full(", pending_timeout: 30s");
  TestAttempt late(full.fixture);
  late.start(2s, 1s);
  full.fixture.settle(10s);
  CHECK(late.events.empty());
  CHECK_FALSE(late.begun_at);
  full.free_the_connection();
  CHECK(late.begun_at);
  REQUIRE(late.events == "ready");
  full.fixture.settle(1500ms);  // of its 2 s
  CHECK(late.events == "ready");
  late.attempt->send(test::kGet, false, {});
  late.attempt->end_body();
  full.fixture.far.at(0)->say(kOk);
  full.fixture.settle();
  CHECK(late.events == "ready;200;[hello];complete");
}

TEST_CASE("no connection within pending_timeout: refused, and it was no attempt") {
  Full full(", pending_timeout: 3s");
  TestAttempt late(full.fixture);
  late.start(60s, 60s);
  full.fixture.settle(2900ms);
  CHECK(late.events.empty());
  full.fixture.settle(200ms);
  CHECK(late.events == "refused");
  CHECK(any_attempts(full.fixture) == 0);
}

TEST_CASE("the request's own deadline ends the wait too, as a refusal") {
  Full full("");
  TestAttempt late(full.fixture);
  late.total = 1s;
  late.start();
  full.fixture.settle(1100ms);
  CHECK(late.events == "refused");
}

TEST_CASE("too many wait: refused, later and not inside start()") {
  Full full(", max_pending: 0");
  TestAttempt late(full.fixture);
  late.start();
  CHECK(late.events.empty());
  full.fixture.settle();
  CHECK(late.events == "refused");
}

TEST_CASE("an attempt that is given up while it waits was none") {
  Full full("");
  auto late = std::make_unique<TestAttempt>(full.fixture);
  late->start();
  late.reset();
  CHECK(any_attempts(full.fixture) == 0);
  CHECK(full.fixture.upstream->connections().waiting() == 0);
}

}  // namespace tidegate::core
