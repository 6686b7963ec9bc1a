// When a closed breaker opens, and what an open one says: the two triggers, the window, slow calls, verdicts too late.
#include "policy/breaker.h"

#include <doctest/doctest.h>

#include <deque>

namespace tidegate::policy {

namespace {

constexpr Time kStart{1000s};

// A breaker and a clock. "s" a success, "f" a failure, "i" an ignored call, each begun and ended at once.
struct Bench {
  explicit Bench(const BreakerConfig& config = {}) : breaker("bench", config, kStart, 1) {}

  bool call(char what, Duration took = 0ns) {
    auto acquired = breaker.acquire(now);
    if (acquired.refused) return false;
    now += took;
    acquired.permit.report(what == 's'   ? Verdict::success
                           : what == 'f' ? Verdict::failure
                                         : Verdict::ignored,
                           now, "503");
    return true;
  }
  void calls(std::string_view what) {
    for (const char c : what) call(c);
  }
  BreakerState state() { return breaker.view(now).state; }

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
    Bench bench;
    bench.calls(c.calls);
    CHECK(bench.state() == c.state);
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
    Bench bench(only_ratio());
    bench.calls(c.calls);
    CHECK(bench.state() == c.state);
  }
}

TEST_CASE("Either trigger opens it, and the transition names which, and why") {
  Bench by_run;
  by_run.calls("fffff");
  CHECK(by_run.breaker.view(by_run.now).last.reason == TransitionReason::consecutive_failures);
  CHECK(by_run.breaker.view(by_run.now).last.detail == "5 consecutive failures");

  Bench by_ratio;
  by_ratio.calls("fffsfffsff");  // eight of ten, never five in a row
  CHECK(by_ratio.state() == BreakerState::open);
  CHECK(by_ratio.breaker.view(by_ratio.now).last.reason == TransitionReason::failure_ratio);
  CHECK(by_ratio.breaker.view(by_ratio.now).last.detail == "0.80 of 10 calls failed");
}

TEST_CASE("With both triggers off nothing opens it") {
  BreakerConfig config;
  config.consecutive_failures = 0;
  config.failure_ratio = 0;
  Bench bench(config);
  for (int i = 0; i < 1000; ++i) bench.call('f');
  CHECK(bench.state() == BreakerState::closed);
}

TEST_CASE("An open breaker refuses for its thirty seconds, and says how long still") {
  Bench bench;
  bench.calls("fffff");
  const struct {
    Duration after;
    Duration retry_after;
  } cases[] = {{0s, 30s}, {1s, 29s}, {29999ms, 1ms}, {30s, 0s}};
  for (const auto& c : cases) {
    const auto acquired = bench.breaker.acquire(kStart + c.after);
    REQUIRE(acquired.refused);
    CHECK_FALSE(acquired.permit.valid());
    CHECK(acquired.refused->state == BreakerState::open);
    CHECK(acquired.refused->retry_after == c.retry_after);
  }
  CHECK(bench.breaker.view(kStart).next_probe_at == kStart + 30s);
  CHECK(bench.breaker.acquire(kStart + 30s + 1ns).permit.probe());
}

TEST_CASE("peek tells what acquire would, and takes and counts nothing") {
  Bench bench;
  CHECK_FALSE(bench.breaker.peek(kStart));
  bench.calls("fffff");
  for (int i = 0; i < 3; ++i) {
    const auto refused = bench.breaker.peek(kStart + 10s);
    REQUIRE(refused);
    CHECK(refused->retry_after == 20s);
  }
  CHECK(bench.breaker.view(kStart + 10s).not_permitted == 0);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(bench.breaker.peek(kStart + 31s));  // a probe's place is there, each time
}

TEST_CASE("Failures that have slid out of the window are forgotten by the ratio") {
  Bench bench(only_ratio());
  bench.calls("ffffff");
  bench.now += 11s;
  bench.calls("ssssfff");  // seven calls in the window: too few
  CHECK(bench.state() == BreakerState::closed);
  CHECK(bench.breaker.view(bench.now).window_calls == 7);
  CHECK(bench.breaker.view(bench.now).window_failures == 3);
}

TEST_CASE("Consecutive failures outlive a sliding window, and end with a fixed one") {
  for (const int buckets : {10, 1}) {
    CAPTURE(buckets);
    BreakerConfig config;
    config.window_buckets = buckets;
    Bench bench(config);
    bench.calls("ffff");
    bench.now += 1h;
    bench.call('f');
    CHECK(bench.state() == (buckets == 1 ? BreakerState::closed : BreakerState::open));
  }
}

TEST_CASE("With a fixed window, a verdict of an earlier window counts for nothing") {
  BreakerConfig config;
  config.window_buckets = 1;
  config.consecutive_failures = 1;
  Bench bench(config);
  auto old = bench.breaker.acquire(kStart);
  bench.now += 11s;
  bench.call('s');
  old.permit.report(Verdict::failure, bench.now);
  CHECK(bench.state() == BreakerState::closed);
  bench.call('f');
  CHECK(bench.state() == BreakerState::open);
}

TEST_CASE("A verdict of before the breaker opened counts for nothing afterwards") {
  BreakerConfig config;
  config.half_open_requests = 2;
  Bench bench(config);
  std::deque<Permit> old;
  for (int i = 0; i < 6; ++i) old.push_back(bench.breaker.acquire(bench.now).permit);
  bench.calls("fffff");
  REQUIRE(bench.state() == BreakerState::open);
  old[0].report(Verdict::success, bench.now);  // while open
  CHECK(bench.state() == BreakerState::open);
  bench.now += 31s;
  auto probe = bench.breaker.acquire(bench.now);
  REQUIRE(probe.permit.probe());
  old[1].report(Verdict::failure, bench.now);  // while half-open
  old[2].report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::half_open);
  probe.permit.report(Verdict::success, bench.now);
  CHECK(bench.state() == BreakerState::half_open);  // the second probe is still owed
  bench.call('s');
  REQUIRE(bench.state() == BreakerState::closed);
  for (size_t i = 3; i < old.size(); ++i) old[i].report(Verdict::failure, bench.now);  // closed again
  CHECK(bench.breaker.view(bench.now).consecutive_failures == 0);
  CHECK(bench.breaker.view(bench.now).window_calls == 0);
}

TEST_CASE("Slow calls open it by their own ratio, though they succeed") {
  Bench bench(only_slow());
  for (int i = 0; i < 5; ++i) bench.call('s', 999ms);
  for (int i = 0; i < 4; ++i) bench.call('s', 1s);
  CHECK(bench.state() == BreakerState::closed);
  bench.call('s', 1s);
  REQUIRE(bench.state() == BreakerState::open);
  const BreakerView view = bench.breaker.view(bench.now);
  CHECK(view.last.reason == TransitionReason::slow_call_ratio);
  CHECK(view.slow == 5);
  CHECK(view.successes == 5);
}

TEST_CASE("A slow failure is both, and one that was ignored is neither") {
  Bench bench(only_slow());
  bench.call('f', 2s);
  bench.call('i', 2s);
  const BreakerView view = bench.breaker.view(bench.now);
  CHECK(view.window_calls == 1);
  CHECK(view.window_slow == 1);
  CHECK(view.window_failures == 1);
}

TEST_CASE("Without the rule no call is slow") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.call('s', 10min);
  CHECK(bench.state() == BreakerState::closed);
  CHECK(bench.breaker.view(bench.now).slow == 0);
}

TEST_CASE("The cumulative counts add up to the calls that were made") {
  Bench bench;
  bench.calls("sssfisffi");
  bench.calls("fffff");
  int refused = 0;
  for (int i = 0; i < 7; ++i) refused += !bench.call('s');
  const BreakerView view = bench.breaker.view(bench.now);
  CHECK(refused == 7);
  CHECK(view.successes == 4);
  CHECK(view.failures == 6);  // the fifth in a row opened it: "ff" and three of the five
  CHECK(view.ignored == 2);
  CHECK(view.not_permitted == 9);
}

TEST_CASE("The time in each state adds up to the time there was") {
  Bench bench;
  bench.now += 10s;
  bench.calls("fffff");  // closed for 10 s
  bench.now += 40s;
  bench.call('s');  // open for 40 s: nobody came before, then a probe in no time
  bench.now += 7s;
  const BreakerView view = bench.breaker.view(bench.now);
  CHECK(view.state == BreakerState::closed);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::closed)] == 17s);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::open)] == 40s);
  CHECK(view.time_in_state[static_cast<size_t>(BreakerState::half_open)] == 0s);
}

TEST_CASE("Each transition is announced once, in order, and the observer may look at the breaker") {
  Bench bench;
  std::string seen;
  bench.breaker.on_transition([&](const Breaker& breaker, const Transition& transition) {
    CHECK(&breaker == &bench.breaker);
    CHECK(bench.breaker.view(bench.now).state == transition.to);  // the lock is free
    seen += std::string(to_string(transition.from)) + ">" + to_string(transition.to) + ":" +
            to_string(transition.reason) + " ";
  });
  bench.calls("fffff");
  bench.now += 31s;
  bench.call('s');
  CHECK(seen == "closed>open:consecutive_failures open>half_open:open_for_elapsed half_open>closed:probes_succeeded ");
  CHECK(bench.breaker.view(bench.now).transitions == 3);
}

TEST_CASE("A clock that is a little behind another thread's breaks nothing") {
  Bench bench;
  bench.now += 10s;
  bench.calls("ffff");
  bench.now -= 5s;
  bench.call('f');
  CHECK(bench.state() == BreakerState::open);
  const auto early = bench.breaker.acquire(kStart);
  REQUIRE(early.refused);
  CHECK(early.refused->retry_after >= 30s);
  for (const Duration spent : bench.breaker.view(kStart).time_in_state) CHECK(spent >= 0s);
}

}  // namespace tidegate::policy
