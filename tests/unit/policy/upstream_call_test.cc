// Whose fault a call's end is: what the breaker counts of it, and when; what it means for a probe.
#include "policy/upstream_call.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "unit/policy/plan_fixture.h"

namespace tidegate::policy {

namespace {

struct CallFixture {
  CallFixture() {
    policy.breaker = std::make_shared<Breaker>("b", config, kStart, 1);
    policy.bulkhead = std::make_shared<Bulkhead>("h", BulkheadConfig{.max_concurrent = 1});
    policy.health = std::make_shared<UpstreamHealth>();
  }
  explicit CallFixture(bool half_open) : CallFixture() {
    if (!half_open) return;
    open(*policy.breaker, now);
    now += 31s;
  }

  UpstreamCall admit() {
    return UpstreamCall(policy, std::get<Admitted>(policy::admit(policy, Caller::live_request, now)), now);
  }
  BreakerView view() const { return policy.breaker->view(now); }
  // "success", "failure", "slow", "ignored" or "nothing": what the breaker has counted since the last look.
  std::string counted() {
    const BreakerView before = std::exchange(seen, view());
    if (seen.successes > before.successes) return "success";
    if (seen.failures > before.failures) return "failure";
    if (seen.slow > before.slow) return "slow";
    return seen.ignored > before.ignored ? "ignored" : "nothing";
  }

  BreakerConfig config{.slow_call = SlowCallRule{.threshold = 8s, .ratio = 0.8}};
  AdmissionPolicy policy;
  Time now = kStart;
  BreakerView seen{};
};

}  // namespace

TEST_CASE("a call is judged once: at its headers if its status fails or it is a probe, else at the response's end") {
  const AttemptFailure broken{AttemptResult::reset}, silent{AttemptResult::timeout},
      kept_waiting{AttemptResult::reset, false};
  const struct {
    uint16_t status;
    const AttemptFailure* failure;  // null: the response is whole
    const char* at_headers;
    const char* at_end;
    const char* probe_at_headers;
  } cases[] = {
      {200, nullptr, "nothing", "success", "success"}, {404, nullptr, "nothing", "success", "success"},
      {503, nullptr, "failure", "nothing", "failure"}, {200, &broken, "nothing", "failure", "success"},
      {200, &silent, "nothing", "failure", "success"}, {200, &kept_waiting, "nothing", "ignored", "success"},
      {503, &broken, "failure", "nothing", "failure"},
  };
  for (const auto& c : cases) {
    for (const bool probe : {false, true}) {
      CAPTURE(c.status);
      CAPTURE(probe);
      CallFixture fixture(probe);
      UpstreamCall call = fixture.admit();
      CHECK(call.is_probing() == probe);
      fixture.counted();
      call.on_headers(c.status, 1s, fixture.now);
      CHECK(fixture.counted() == (probe ? c.probe_at_headers : c.at_headers));
      CHECK(call.holds_slot());
      c.failure ? call.on_failed(*c.failure, fixture.now) : call.on_complete(fixture.now);
      CHECK(fixture.counted() == (probe ? "nothing" : c.at_end));
      const std::string judged = probe || c.at_headers != std::string("nothing") ? c.probe_at_headers : c.at_end;
      CHECK(call.verdict() == (judged == "success"   ? Verdict::success
                               : judged == "failure" ? Verdict::failure
                                                     : Verdict::ignored));
      CHECK_FALSE(call.holds_slot());
      CHECK_FALSE(call.holds_permit());
    }
  }
}

TEST_CASE(
    "without response headers a failure counts if it is the upstream's; a probe that is not judged is free again") {
  for (const AttemptResult result : {AttemptResult::connect_failure, AttemptResult::timeout, AttemptResult::reset}) {
    for (const bool upstreams : {true, false}) {
      CallFixture closed(false);
      UpstreamCall call = closed.admit();
      call.on_failed({result, upstreams}, closed.now);
      CHECK(closed.counted() == (upstreams ? "failure" : "ignored"));

      CallFixture half_open(true);
      UpstreamCall probe = half_open.admit();
      probe.on_failed({result, upstreams}, half_open.now);
      CHECK(half_open.view().state == (upstreams ? BreakerState::open : BreakerState::half_open));
      if (!upstreams) CHECK(half_open.admit().is_probing());
    }
  }
}

TEST_CASE("a failure that the breaker does not list is ignored") {
  CallFixture fixture;
  fixture.config.failures = *Conditions::of({"503"});
  fixture.policy.breaker = std::make_shared<Breaker>("b", fixture.config, kStart, 1);
  fixture.admit().on_failed({AttemptResult::timeout}, fixture.now);
  CHECK(fixture.counted() == "ignored");
}

TEST_CASE("a call is slow by the upstream's own time until its response headers") {
  CallFixture fixture;
  UpstreamCall quick = fixture.admit();
  quick.on_headers(200, 7999ms, fixture.now + 60s);  // after a long upload
  quick.on_complete(fixture.now + 600s);             // to a slow client
  CHECK(fixture.counted() == "success");
  UpstreamCall slow = fixture.admit();
  slow.on_headers(200, 8s, fixture.now);
  CHECK(fixture.counted() == "nothing");
  slow.on_complete(fixture.now);
  CHECK(fixture.counted() == "slow");
  fixture.admit().on_failed({AttemptResult::timeout, true, 9s}, fixture.now);
  CHECK(fixture.view().window_slow == 2);
}

TEST_CASE("another protocol is a success at once, and slow by the time to its 101; the slot is held to the end") {
  for (const bool probe : {false, true}) {
    for (const Duration took : {1s, 9s}) {
      CallFixture fixture(probe);
      UpstreamCall call = fixture.admit();
      fixture.counted();
      call.on_switched(took, fixture.now);
      if (!probe) CHECK(fixture.counted() == (took == 1s ? "success" : "slow"));
      CHECK(call.verdict() == Verdict::success);
      CHECK_FALSE(call.holds_permit());
      CHECK(call.holds_slot());
      CHECK(fixture.policy.health->succeeded_since(fixture.now - 1s));
      fixture.counted();
      call.abandon();
      CHECK(fixture.counted() == "nothing");
      CHECK_FALSE(call.holds_slot());
    }
  }
}

TEST_CASE("an abandoned call counts for nothing, before its headers and after") {
  for (const bool headers : {false, true}) {
    CallFixture fixture;
    UpstreamCall call = fixture.admit();
    if (headers) call.on_headers(200, 1s, fixture.now);
    call.abandon();
    CHECK(fixture.counted() == "ignored");
    CHECK_FALSE(call.holds_slot());
    CHECK(fixture.view().window_calls == 0);
  }
}

TEST_CASE("only a probe of a breaker that acts has a time by which its caller ends it") {
  CHECK_FALSE(CallFixture(false).admit().probe_until());
  CallFixture half_open(true);
  CHECK(half_open.admit().probe_until() == half_open.now + half_open.config.half_open_timeout);
  CallFixture shadow;
  shadow.config.mode = Mode::shadow;
  shadow.policy.breaker = std::make_shared<Breaker>("b", shadow.config, kStart, 1);
  open(*shadow.policy.breaker, kStart);
  shadow.now += 31s;
  UpstreamCall probe = shadow.admit();
  CHECK(probe.is_probing());
  CHECK_FALSE(probe.probe_until());
}

TEST_CASE("an upstream has succeeded when a response that would be a result is whole, not before") {
  const struct {
    uint16_t status;
    bool whole, success;
  } cases[] = {{200, true, true}, {404, true, true}, {503, true, false}, {200, false, false}};
  for (const auto& c : cases) {
    CallFixture fixture;
    UpstreamCall call = fixture.admit();
    call.on_headers(c.status, 1s, fixture.now + 1s);
    CHECK_FALSE(fixture.policy.health->succeeded_since(kStart - 1s));
    c.whole ? call.on_complete(fixture.now + 1s) : call.on_failed({AttemptResult::reset}, fixture.now + 1s);
    CHECK(fixture.policy.health->succeeded_since(kStart - 1s) == c.success);
    CHECK_FALSE(fixture.policy.health->succeeded_since(kStart));  // it began then
  }
}

TEST_CASE("a time limit is the upstream's fault from half of the time that it is allowed") {
  CHECK(is_upstreams_timeout(10s, 10s));
  CHECK(is_upstreams_timeout(5s, 10s));
  CHECK_FALSE(is_upstreams_timeout(4999ms, 10s));
  CHECK_FALSE(is_upstreams_timeout(0s, 10s));
}

TEST_CASE("the plan says what the upstream is allowed, and until when a probe may wait") {
  RoutePolicy policy = with_everything();
  policy.timeout = {.total = 30s, .per_try = 15s, .response_header = 10s};
  Fixture first(policy, within(1s));
  const auto closed = std::get<StartAttempt>(first.plan.begin(kStart));
  CHECK(closed.upstream_time_allowed == 10s);  // though the client waits for 1 s only
  CHECK_FALSE(closed.probe_until);
  first.plan.abandon();
  policy.timeout.total = 3s;
  Fixture shorter(policy);
  CHECK(std::get<StartAttempt>(shorter.plan.begin(kStart)).upstream_time_allowed == 3s);
  shorter.plan.abandon();
  BreakerConfig config;
  config.half_open_timeout = 2s;
  policy.breaker = std::make_shared<Breaker>("b", config, kStart - 31s, 1);
  open(*policy.breaker, kStart - 31s);
  Fixture probe(policy);
  const auto probing = std::get<StartAttempt>(probe.plan.begin(kStart));
  CHECK(probing.upstream_time_allowed == 2s);
  CHECK(probing.probe_until == kStart + 2s);
}

}  // namespace tidegate::policy
