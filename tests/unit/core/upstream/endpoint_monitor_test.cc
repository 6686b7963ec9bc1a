// Health checks: what is sent, when, and what their results come to.
#include "core/upstream/endpoint_monitor.h"

#include "unit/core/upstream/pool_fixture.h"

namespace tidegate::core {

using policy::EndpointState;
using test::Far;
using test::Taker;
using test::UpstreamFixture;

namespace {

constexpr const char* kChecked =
    ", health_check: {path: \"/up?deep=1\", interval: 10s, timeout: 2s, unhealthy_after: 2, healthy_after: 2}";
double checks(UpstreamFixture& fixture, const std::string& result) {
  return fixture.metric("tidegate_upstream_health_checks_total{endpoint=\"10.0.0.2:3001\",result=\"" + result +
                        "\",upstream=\"up\"}");
}

// Lets time pass; each check that comes gets that response, or none (""), and is seen whole.
struct Checks {
  explicit Checks(UpstreamFixture& of) : fixture(of) {}

  void run_for(Duration time) {
    for (Duration passed{}; passed < time; passed += 50ms) {
      fixture.settle(50ms);
      for (; next < fixture.far.size(); ++next) {
        if (fixture.far[next]->received.find("\r\n\r\n") == std::string::npos) break;
        begun.push_back(fixture.runtime.now());
        if (!response.empty()) fixture.far[next]->say(response);
      }
      int open = 0;
      for (const auto& far : fixture.far) open += far->left() ? 0 : 1;
      open_max = std::max(open_max, open);
    }
  }

  UpstreamFixture& fixture;
  std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  size_t next = 0;
  std::vector<Time> begun;
  int open_max = 0;
};

std::string status(const std::string& code) { return "HTTP/1.1 " + code + " X\r\nContent-Length: 0\r\n\r\n"; }

}  // namespace

TEST_CASE("a check is a GET of the path on a connection of its own, with the endpoint as Host") {
  UpstreamFixture fixture(kChecked, "\"http://10.0.0.2:3001\"", 1);
  Taker all_connections(*fixture.pool);
  fixture.settle();
  REQUIRE(all_connections.has());
  Checks checks_made(fixture);
  checks_made.next = 1;
  checks_made.run_for(11s);
  REQUIRE(fixture.far.size() >= 2);
  CHECK(fixture.far[1]->received ==
        "GET /up?deep=1 HTTP/1.1\r\nHost: 10.0.0.2:3001\r\nUser-Agent: tidegate-health-check\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n");
  CHECK(fixture.far[1]->left());  // its response was whole
  CHECK(checks(fixture, "success") >= 1);
  CHECK(fixture.pool->in_use() == 1);
}

TEST_CASE("checks come an interval apart, give or take 10 %, the first within one, and never two at once") {
  UpstreamFixture fixture(kChecked);
  Checks checks_made(fixture);
  SUBCASE("that are good") {}
  SUBCASE("that hang") { checks_made.response = ""; }
  const Time start = fixture.runtime.now();
  checks_made.run_for(300s);
  REQUIRE(checks_made.begun.size() >= 27);
  CHECK(checks_made.begun.size() <= 34);
  CHECK(checks_made.begun[0] - start <= 10100ms);
  for (size_t i = 1; i < checks_made.begun.size(); ++i) {
    const Duration apart = checks_made.begun[i] - checks_made.begun[i - 1];
    CHECK(apart >= 8900ms);
    CHECK(apart <= 11100ms);
  }
  CHECK(checks_made.open_max == 1);
}

TEST_CASE("a check that takes longer than the interval is followed by the next, not joined by it") {
  UpstreamFixture fixture(", health_check: {interval: 1s, timeout: 5s}");
  Checks checks_made(fixture);
  checks_made.response = "";
  checks_made.run_for(31s);
  CHECK(checks_made.begun.size() == 7);
  CHECK(checks_made.open_max == 1);
}

TEST_CASE("an endpoint is unhealthy after failed checks in a row, whatever fails, and healthy after good ones") {
  UpstreamFixture fixture(kChecked);
  Checks checks_made(fixture);
  const auto run = [&](const std::string& response, Duration time) {
    checks_made.response = response;
    checks_made.run_for(time);
  };
  run(status("204"), 30s);
  CHECK(fixture.state_of(0) == EndpointState::healthy);
  SUBCASE("a status that is not expected") { run(status("503"), 30s); }
  SUBCASE("a redirect, which is not followed") { run(status("302"), 30s); }
  SUBCASE("no response") { run("", 30s); }
  SUBCASE("a response that is not HTTP") { run("hello\r\n\r\n", 30s); }
  SUBCASE("half a response") { run("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", 30s); }
  SUBCASE("a response that is too large") {
    run("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + std::string(20'000, 'x'), 30s);
  }
  SUBCASE("no connection") {
    fixture.listeners.clear();
    checks_made.run_for(30s);
    fixture.listen(test::kFirst);
  }
  CHECK(fixture.state_of(0) == EndpointState::unhealthy);
  CHECK(checks(fixture, "failure") >= 2);
  const auto view = fixture.upstream->endpoint(0).health().view();
  CHECK_FALSE(view.last_check->reason.empty());
  run(status("200"), 30s);
  CHECK(fixture.state_of(0) == EndpointState::healthy);
}

TEST_CASE("a check that Tidegate has no descriptor or port for says nothing") {
  for (const ErrorCode code : {ErrorCode::exhausted, ErrorCode::conflict}) {
    UpstreamFixture fixture(kChecked);
    fixture.use_up(test::kFirst, code);
    fixture.settle(60s);
    CHECK(fixture.state_of(0) == EndpointState::healthy);
    CHECK(checks(fixture, "not_made") >= 5);
    CHECK(checks(fixture, "failure") == 0);
  }
}

TEST_CASE(
    "an unhealthy endpoint gets no requests, and idle connections to it are closed; where all are, all get some") {
  UpstreamFixture fixture(kChecked, test::kBoth, 10);
  fixture.listen(test::kSecond);
  const auto choose = [&] { return fixture.upstream->choose(fixture.runtime.now()).index(); };
  Taker first(*fixture.pool), second(*fixture.pool), in_flight(*fixture.pool);
  fixture.settle();
  REQUIRE(in_flight.connection.endpoint_index() == 0);
  first.connection.give_back();
  second.connection.give_back();
  REQUIRE(fixture.pool->idle() == 2);
  const auto fail_checks = [&](size_t endpoint) {
    for (int i = 0; i < 2; ++i)
      fixture.upstream->endpoint(endpoint).health().check_failed("500", fixture.runtime.now());
    fixture.settle(10ms);
  };
  fail_checks(0);
  CHECK(fixture.pool->idle() == 1);
  for (int i = 0; i < 10; ++i) CHECK(choose() == 1);
  in_flight.connection.give_back();
  CHECK(fixture.pool->idle() == 1);  // not kept
  fail_checks(1);
  CHECK(fixture.pool->idle() == 1);  // it may be used again
  size_t to_second = 0;
  for (int i = 0; i < 10; ++i) to_second += choose();
  CHECK(to_second >= 4);
  CHECK(to_second <= 6);
  for (int i = 0; i < 2; ++i) fixture.upstream->endpoint(0).health().check_succeeded(fixture.runtime.now());
  fixture.settle(10ms);
  CHECK(fixture.pool->idle() == 0);  // that to the other one: it is passed over now
}

TEST_CASE("checks of an endpoint end with it, the one under way included") {
  UpstreamFixture fixture(kChecked);
  Checks checks_made(fixture);
  checks_made.run_for(11s);
  const size_t made = checks_made.begun.size();
  REQUIRE(made > 0);
  fixture.pool.reset();
  fixture.upstream.reset();
  checks_made.run_for(60s);
  CHECK(checks_made.begun.size() == made);
}

TEST_CASE("each of many endpoints is checked, until another takes its place") {
  constexpr int kEndpoints = 60;
  std::string endpoints;
  for (int i = 1; i <= kEndpoints; ++i) {
    endpoints += (i > 1 ? ", " : "") + ("\"http://10.0.1." + std::to_string(i)) + ":3001\"";  // nobody is there
  }
  UpstreamFixture fixture(kChecked, endpoints);
  fixture.settle(25s);
  for (size_t i = 0; i < kEndpoints; ++i) CHECK(fixture.state_of(i) == EndpointState::unhealthy);
  const auto failures = [&] {
    return fixture.metric(
        "tidegate_upstream_health_checks_total{endpoint=\"10.0.1.60:3001\",result=\"failure\",upstream=\"up\"}");
  };
  const auto next = fixture.make_upstream();
  fixture.settle();
  const double before = failures();
  fixture.settle(100s);
  CHECK(failures() - before >= 9);  // every 10 s, though the endpoint of before still exists
  CHECK(failures() - before <= 12);
}

TEST_CASE("an ejection ends when its time is over, also where nobody sends a request") {
  UpstreamFixture fixture(", outlier_ejection: {consecutive_failures: 1, eject_for: 10s}", test::kBoth);
  fixture.upstream->call_failed(0, "reset", fixture.runtime.now(), fixture.runtime.now());
  CHECK(fixture.state_of(0) == EndpointState::ejected);
  fixture.settle(9900ms);
  CHECK(fixture.state_of(0) == EndpointState::ejected);
  fixture.settle(200ms);
  CHECK(fixture.state_of(0) == EndpointState::healthy);
}

}  // namespace tidegate::core
