// When a closed breaker opens, and what an open one says: the two triggers, the window, slow calls, verdicts too late.
#include "policy/breaker.h"

#include <doctest/doctest.h>

#include <deque>

namespace tidegate::policy {

namespace {

constexpr Time kStart{1000s};

// A breaker and a clock. "s" a success, "f" a failure, "i" an ignored call, each begun and ended at once.
struct Fixture {
  explicit Fixture(const BreakerConfig& config = {}) : breaker("b", config, kStart, 1) {}

  bool call(char what, Duration took = 0ns) {
    auto acquired = breaker.acquire(now);
    if (acquired.refused) return false;
    now += took;
    acquired.permit.report(what == 's'   ? Verdict::success
                           : what == 'f' ? Verdict::failure
                                         : Verdict::ignored,
                           now, "503", took);
    return true;
  }
  void calls(std::string_view what) {
    for (const char c : what) call(c);
  }
  // The owner's timer is on time.
  BreakerState state() {
    breaker.advance(now);
    return breaker.view(now).state;
  }

  Time now = kStart;
  Breaker breaker;
};

BreakerConfig only_ratio() {
  BreakerConfig config;
  config.consecutive_failures = 0;
  return config;
}

BreakerConfig only_slow() {
  BreakerConfig config;
  config.consecutive_failures = 0;
  config.failure_ratio = 0;
  config.slow_call = SlowCallRule{.threshold = 1s, .ratio = 0.5};
  return config;
}

}  // namespace

TEST_CASE("Five failures in a row open the breaker, and nothing less") {
  const struct {
    const char* calls;
    BreakerState state;
  } cases[] = {
      {"", BreakerState::closed},       {"ffff", BreakerState::closed},      {"fffff", BreakerState::open},
      {"ffffsf", BreakerState::closed}, {"ffffsffff", BreakerState::closed}, {"sfffff", BreakerState::open},
      {"ffffif", BreakerState::open},   {"iiiiiiii", BreakerState::closed},  {"ssssssssssssfffff", BreakerState::open},
  };
  for (const auto& c : cases) {
    CAPTURE(c.calls);
    Fixture fixture;
    fixture.calls(c.calls);
    CHECK(fixture.state() == c.state);
  }
}

TEST_CASE("Sixty per cent of at least ten calls opens it") {
  const struct {
    const char* calls;
    BreakerState state;
  } cases[] = {
      {"fffffffff", BreakerState::closed},             // nine: too few to judge
      {"ffffffffff", BreakerState::open},              // ten of ten
      {"ssssffffff", BreakerState::open},              // six of ten
      {"sssssfffff", BreakerState::closed},            // five of ten
      {"ffffffssss", BreakerState::closed},            // six of ten, but a success never opens
      {"ffffffssssf", BreakerState::open},             // … the next failure does: seven of eleven
      {"ssssfffffi", BreakerState::closed},            // what is ignored is not counted
      {"sfsfsfsfsfsfsfsfsfsf", BreakerState::closed},  // half
  };
  for (const auto& c : cases) {
    CAPTURE(c.calls);
    Fixture fixture(only_ratio());
    fixture.calls(c.calls);
    CHECK(fixture.state() == c.state);
  }
}

TEST_CASE("Either trigger opens it, and the transition names which, and why") {
  Fixture by_run;
  by_run.calls("fffff");
  CHECK(by_run.breaker.view(by_run.now).last.reason == TransitionReason::consecutive_failures);
  CHECK(by_run.breaker.view(by_run.now).last.detail == "5 consecutive failures");

  Fixture by_ratio;
  by_ratio.calls("fffsfffsff");  // eight of ten, never five in a row
  CHECK(by_ratio.state() == BreakerState::open);
  CHECK(by_ratio.breaker.view(by_ratio.now).last.reason == TransitionReason::failure_ratio);
  CHECK(by_ratio.breaker.view(by_ratio.now).last.detail == "0.80 of 10 calls failed");
}

TEST_CASE("With both triggers off nothing opens it") {
  BreakerConfig config;
  config.consecutive_failures = 0;
  config.failure_ratio = 0;
  Fixture fixture(config);
  for (int i = 0; i < 1000; ++i) fixture.call('f');
  CHECK(fixture.state() == BreakerState::closed);
}

TEST_CASE("An open breaker refuses for its thirty seconds, and says how long still") {
  Fixture fixture;
  fixture.calls("fffff");
  const struct {
    Duration after;
    Duration retry_after;
  } cases[] = {{0s, 30s}, {1s, 29s}, {29999ms, 1ms}, {30s, 0s}};
  for (const auto& c : cases) {
    const auto acquired = fixture.breaker.acquire(kStart + c.after);
    REQUIRE(acquired.refused);
    CHECK_FALSE(acquired.permit.valid());
    CHECK(acquired.refused->state == BreakerState::open);
    CHECK(acquired.refused->retry_after == c.retry_after);
  }
  CHECK(fixture.breaker.view(kStart).next_probe_at == kStart + 30s);
  CHECK(fixture.breaker.acquire(kStart + 30s + 1ns).permit.probe());
}

TEST_CASE("peek returns what acquire would, and takes and counts nothing") {
  Fixture fixture;
  CHECK_FALSE(fixture.breaker.peek(kStart));
  fixture.calls("fffff");
  for (int i = 0; i < 3; ++i) {
    const auto refused = fixture.breaker.peek(kStart + 10s);
    REQUIRE(refused);
    CHECK(refused->retry_after == 20s);
  }
  CHECK(fixture.breaker.view(kStart + 10s).not_permitted == 0);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(fixture.breaker.peek(kStart + 31s));  // a probe's place is there, each time
}

TEST_CASE("Failures that have slid out of the window no longer count in the ratio") {
  Fixture fixture(only_ratio());
  fixture.calls("ffffff");
  fixture.now += 11s;
  fixture.calls("ssssfff");  // seven calls in the window: too few
  CHECK(fixture.state() == BreakerState::closed);
  CHECK(fixture.breaker.view(fixture.now).window_calls == 7);
  CHECK(fixture.breaker.view(fixture.now).window_failures == 3);
}

TEST_CASE("Consecutive failures outlive a sliding window, and end with a fixed one") {
  for (const int buckets : {10, 1}) {
    CAPTURE(buckets);
    BreakerConfig config;
    config.window_buckets = buckets;
    Fixture fixture(config);
    fixture.calls("ffff");
    fixture.now += 1h;
    fixture.call('f');
    CHECK(fixture.state() == (buckets == 1 ? BreakerState::closed : BreakerState::open));
  }
}

TEST_CASE("With a fixed window, a verdict of an earlier window counts for nothing") {
  BreakerConfig config;
  config.window_buckets = 1;
  config.consecutive_failures = 1;
  Fixture fixture(config);
  auto old = fixture.breaker.acquire(kStart);
  fixture.now += 11s;
  fixture.call('s');
  old.permit.report(Verdict::failure, fixture.now);
  CHECK(fixture.state() == BreakerState::closed);
  fixture.call('f');
  CHECK(fixture.state() == BreakerState::open);
}

TEST_CASE("A verdict of before the breaker opened counts for nothing afterwards") {
  BreakerConfig config;
  config.half_open_requests = 2;
  Fixture fixture(config);
  std::deque<Permit> old;
  for (int i = 0; i < 6; ++i) old.push_back(fixture.breaker.acquire(fixture.now).permit);
  fixture.calls("fffff");
  REQUIRE(fixture.state() == BreakerState::open);
  old[0].report(Verdict::success, fixture.now);  // while open
  CHECK(fixture.state() == BreakerState::open);
  fixture.now += 31s;
  auto probe = fixture.breaker.acquire(fixture.now);
  REQUIRE(probe.permit.probe());
  old[1].report(Verdict::failure, fixture.now);  // while half-open
  old[2].report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::half_open);
  probe.permit.report(Verdict::success, fixture.now);
  CHECK(fixture.state() == BreakerState::half_open);  // the second probe is still owed
  fixture.call('s');
  REQUIRE(fixture.state() == BreakerState::closed);
  for (size_t i = 3; i < old.size(); ++i) old[i].report(Verdict::failure, fixture.now);  // closed again
  CHECK(fixture.breaker.view(fixture.now).consecutive_failures == 0);
  CHECK(fixture.breaker.view(fixture.now).window_calls == 0);
}

TEST_CASE("Slow calls open it by their own ratio, though they succeed") {
  Fixture fixture(only_slow());
  for (int i = 0; i < 5; ++i) fixture.call('s', 999ms);
  for (int i = 0; i < 4; ++i) fixture.call('s', 1s);
  CHECK(fixture.state() == BreakerState::closed);
  fixture.call('s', 1s);
  REQUIRE(fixture.state() == BreakerState::open);
  const BreakerView view = fixture.breaker.view(fixture.now);
  CHECK(view.last.reason == TransitionReason::slow_call_ratio);
  CHECK(view.slow == 5);
  CHECK(view.successes == 5);
}

TEST_CASE("A slow failure is both, and one that was ignored is neither") {
  Fixture fixture(only_slow());
  fixture.call('f', 2s);
  fixture.call('i', 2s);
  const BreakerView view = fixture.breaker.view(fixture.now);
  CHECK(view.window_calls == 1);
  CHECK(view.window_slow == 1);
  CHECK(view.window_failures == 1);
}

TEST_CASE("Without the rule no call is slow") {
  Fixture fixture;
  for (int i = 0; i < 20; ++i) fixture.call('s', 10min);
  CHECK(fixture.state() == BreakerState::closed);
  CHECK(fixture.breaker.view(fixture.now).slow == 0);
}

TEST_CASE("The cumulative counts add up to the calls that were made") {
  Fixture fixture;
  fixture.calls("sssfisffi");
  fixture.calls("fffff");
  int refused = 0;
  for (int i = 0; i < 7; ++i) refused += !fixture.call('s');
  const BreakerView view = fixture.breaker.view(fixture.now);
  CHECK(refused == 7);
  CHECK(view.successes == 4);
  CHECK(view.failures == 6);  // the fifth in a row opened it: "ff" and three of the five
  CHECK(view.ignored == 2);
  CHECK(view.not_permitted == 9);
}

TEST_CASE("The time in each state adds up to the time there was") {
  Fixture fixture;
  fixture.now += 10s;
  fixture.calls("fffff");  // closed for 10 s
  fixture.now += 40s;
  fixture.call('s');  // open for 40 s: nobody came before, then a probe in no time
  fixture.now += 7s;
  const BreakerView view = fixture.breaker.view(fixture.now);
  CHECK(view.state == BreakerState::closed);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::closed)] == 17s);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::open)] == 40s);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::half_open)] == 0s);
}

TEST_CASE("A clock that is a little behind another thread's breaks nothing") {
  Fixture fixture;
  fixture.now += 10s;
  fixture.calls("ffff");
  fixture.now -= 5s;
  fixture.call('f');
  CHECK(fixture.state() == BreakerState::open);
  const auto early = fixture.breaker.acquire(kStart);
  REQUIRE(early.refused);
  CHECK(early.refused->retry_after >= 30s);
  for (const Duration spent : fixture.breaker.view(kStart).time_in_state) CHECK(spent >= 0s);
}

}  // namespace tidegate::policy
