// The sliding window by hand, against a plain list of every admission, and from many threads at once.
#include "policy/sliding_window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/random.h"
#include "policy/rate_limiter.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{1000s};
constexpr RateKey kClient{1, 2};

// The most admissions that any half-open interval of that length holds.
size_t most_in_any(Duration window, std::vector<Time> admitted) {
  std::sort(admitted.begin(), admitted.end());
  size_t most = 0;
  for (size_t first = 0, end = 0; first < admitted.size(); ++first) {
    while (end < admitted.size() && admitted[end] < admitted[first] + window) ++end;
    most = std::max(most, end - first);
  }
  return most;
}

}  // namespace

TEST_CASE("A window holds its count, and a call has left it exactly one window later") {
  SlidingWindow limit(3, 10s, 10s, 100);
  const struct {
    Duration after;
    bool allowed;
    double remaining;
    Duration retry_after;
    Duration reset_after;
  } cases[] = {
      {0s, true, 2, 0s, 10s},
      {1s, true, 1, 0s, 10s},
      {4s, true, 0, 0s, 10s},
      {4s, false, 0, 6s, 10s},
      {10s - 1ns, false, 0, 1ns, 4s + 1ns},
      {10s, true, 0, 0s, 10s},
      {10s, false, 0, 1s, 10s},
      {30s, true, 2, 0s, 10s},
  };
  for (const auto& c : cases) {
    CAPTURE(c.after.count());
    const RateDecision decision = limit.check(kClient, kStart + c.after);
    CHECK(decision.allowed == c.allowed);
    CHECK(decision.remaining == c.remaining);
    CHECK(decision.retry_after == c.retry_after);
    CHECK(decision.reset_after == c.reset_after);
  }
}

TEST_CASE("The window agrees with a naive log over random calls, keys and costs") {
  Random random(17);
  for (int round = 0; round < 60; ++round) {
    const auto count = static_cast<uint32_t>(1 + random.below(20));
    const Duration window = 1ms * (1 + random.below(500));
    SlidingWindow limit(count, window, window, 1000);
    std::vector<Time> logs[3];
    Time now = kStart;
    for (int step = 0; step < 3000; ++step) {
      now += Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(window.count()) / count * 2 + 1)));
      const uint64_t key = random.below(3);
      const auto cost = static_cast<uint32_t>(random.chance(0.9) ? 1 : random.below(count + 2));
      std::vector<Time>& log = logs[key];
      const auto inside =
          static_cast<uint32_t>(std::count_if(log.begin(), log.end(), [&](Time at) { return at > now - window; }));
      const RateDecision decision = limit.check({key, key}, now, cost);
      REQUIRE(decision.allowed == (inside + cost <= count));
      if (decision.allowed) log.insert(log.end(), cost, now);
      REQUIRE(decision.remaining == count - inside - (decision.allowed ? cost : 0));
      if (decision.allowed || cost > count) continue;
      // Waiting as long as told is enough, and one nanosecond less is not.
      const auto free_at = [&](Time at) {
        return count - std::count_if(log.begin(), log.end(), [&](Time t) { return t > at - window; });
      };
      REQUIRE(free_at(now + decision.retry_after) >= cost);
      REQUIRE(free_at(now + decision.retry_after - 1ns) < cost);
    }
    for (const std::vector<Time>& log : logs) CHECK(most_in_any(window, log) <= count);
  }
}

TEST_CASE("Threads together admit exactly the count, whose clocks run apart as they may") {
  constexpr int kThreads = 4;
  SlidingWindow limit(1000, 1s, 1s, 100);
  std::vector<int> admitted(kThreads, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const Time now = kStart + 1us * i + 7us * t;
        admitted[static_cast<size_t>(t)] += limit.check(kClient, now).allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int sum = 0;
  for (const int count : admitted) sum += count;
  CHECK(sum == 1000);
}

TEST_CASE("A call that comes with an earlier time counts from the newest on: no window ever holds more") {
  SlidingWindow limit(2, 10s, 10s, 100);
  CHECK(limit.check(kClient, kStart + 5s).allowed);
  CHECK(limit.check(kClient, kStart).allowed);
  CHECK_FALSE(limit.check(kClient, kStart + 15s - 1ns).allowed);
  CHECK(limit.check(kClient, kStart + 15s).allowed);
}

TEST_CASE("A recorded call counts whether or not there is room, and the newest are kept") {
  for (const RateAlgorithm algorithm : {RateAlgorithm::sliding_window, RateAlgorithm::token_bucket}) {
    CAPTURE(static_cast<int>(algorithm));
    RateLimiter limiter({.rate_per_s = 0.2, .burst = 2, .algorithm = algorithm, .count = 2, .window = 10s});
    for (int i = 0; i < 5; ++i) limiter.record(kClient, kStart + 1s * i);
    CHECK_FALSE(limiter.check(kClient, kStart + 4s).allowed);
    CHECK(limiter.check(kClient, kStart + 13s).allowed);
    CHECK(limiter.check({9, 9}, kStart).allowed);
  }
}

TEST_CASE("Idle keys are deleted with their logs, never before their window is over") {
  RateLimiter limiter(
      {.idle_ttl = 1s, .max_keys = 1000, .algorithm = RateAlgorithm::sliding_window, .count = 5, .window = 60s});
  for (uint64_t client = 0; client < 50; ++client) limiter.check({client, client}, kStart);
  for (int i = 0; i < 50; ++i) limiter.check({7, 7}, kStart + 59s);
  CHECK(limiter.tracked() == 50);
  for (int i = 0; i < 50; ++i) limiter.check({1000, 1000}, kStart + 61s);
  CHECK(limiter.tracked() == 2);
}

TEST_CASE("More keys than the bound push out the least recently used") {
  SlidingWindow limit(1, 10s, 10s, 2);
  CHECK(limit.check({1, 1}, kStart).allowed);
  CHECK(limit.check({2, 2}, kStart).allowed);
  CHECK_FALSE(limit.check({1, 1}, kStart).allowed);
  CHECK(limit.check({3, 3}, kStart).allowed);
  CHECK(limit.tracked() == 2);
  CHECK_FALSE(limit.check({1, 1}, kStart).allowed);
  CHECK(limit.check({2, 2}, kStart).allowed);
}

}  // namespace tidegate::policy
