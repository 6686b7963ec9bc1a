// Counting over the last stretch of time: buckets that roll over, idle gaps, and the fixed window.
#include "policy/window.h"

#include <doctest/doctest.h>

#include <deque>

#include "base/random.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{77s};

void add(CallWindow& window, Duration after, bool failed = false, bool slow = false) {
  window.slide(kStart + after);
  window.add(failed, slow);
}

CallWindow started(Duration length, int buckets) {
  CallWindow window(length, buckets);
  window.restart(kStart);
  return window;
}

}  // namespace

TEST_CASE("A bucket's calls are counted until the window has moved past it") {
  CallWindow window = started(10s, 10);
  add(window, 0s, true);
  add(window, 500ms, false, true);
  add(window, 5s);
  const struct {
    Duration after;
    int calls, failures, slow;
  } cases[] = {
      {5s, 3, 1, 1}, {9999ms, 3, 1, 1}, {10s, 1, 0, 0}, {14999ms, 1, 0, 0}, {15s, 0, 0, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.after.count());
    window.slide(kStart + c.after);
    CHECK(window.counts().calls == c.calls);
    CHECK(window.counts().failures == c.failures);
    CHECK(window.counts().slow == c.slow);
  }
}

TEST_CASE("After an idle gap of any length nothing is left, and counting goes on") {
  for (const Duration gap :
       {Duration(10s), Duration(11s), Duration(19s), Duration(20s), Duration(1h), Duration(100000h)}) {
    CAPTURE(gap.count());
    CallWindow window = started(10s, 10);
    for (int i = 0; i < 10; ++i) add(window, i * 1s, true);
    window.slide(kStart + 9s + gap);
    CHECK(window.counts().calls == 0);
    add(window, 9s + gap);
    add(window, 9s + gap + 9s);
    CHECK(window.counts().calls == 2);
    window.slide(kStart + 9s + gap + 11s);
    CHECK(window.counts().calls == 1);
  }
}

TEST_CASE("A time before the window began changes nothing") {
  CallWindow window = started(10s, 10);
  add(window, 3s);
  window.slide(kStart - 1h);
  window.slide(kStart + 1s);
  CHECK(window.counts().calls == 1);
}

TEST_CASE("A fixed window never slides, and has run out after its length, not at it") {
  CallWindow window = started(10s, 1);
  CHECK(window.fixed());
  add(window, 0s);
  add(window, 9s);
  window.slide(kStart + 1h);
  CHECK(window.counts().calls == 2);
  CHECK_FALSE(window.ran_out(kStart + 10s));
  CHECK(window.ran_out(kStart + 10s + 1ns));
  window.restart(kStart + 11s);
  CHECK(window.counts().calls == 0);
  CHECK_FALSE(window.ran_out(kStart + 21s));
}

TEST_CASE("A window agrees with one that remembers every call") {
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    const int buckets = 2 + static_cast<int>(random.below(20));
    const Duration length = Duration(static_cast<int64_t>(1 + random.below(5'000'000'000)));
    const Duration span = std::max<Duration>(length / buckets, 1ns);
    CallWindow window = started(length, buckets);
    struct Call {
      int64_t bucket;
      bool failed, slow;
    };
    std::deque<Call> calls;
    Duration after = 0ns;
    for (int step = 0; step < 300; ++step) {
      after += Duration(
          static_cast<int64_t>(random.below(static_cast<uint64_t>(span.count() * (random.chance(0.05) ? 40 : 2)) + 1)));
      const Call call{after / span, random.chance(0.4), random.chance(0.2)};
      calls.push_back(call);
      add(window, after, call.failed, call.slow);
      while (calls.front().bucket <= call.bucket - buckets) calls.pop_front();
      CallCounts expected;
      for (const Call& c : calls) {
        ++expected.calls;
        expected.failures += c.failed;
        expected.slow += c.slow;
      }
      REQUIRE(window.counts().calls == expected.calls);
      REQUIRE(window.counts().failures == expected.failures);
      REQUIRE(window.counts().slow == expected.slow);
    }
  }
}

}  // namespace tidegate::policy
