// The waits between attempts, and the budget that bounds how many there may be.
#include "policy/backoff.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "policy/retry_budget.h"

namespace tidegate::policy {

namespace {

// The wait before retry n without jitter.
constexpr Duration kExponential[] = {100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s, 2s};

struct Range {
  Duration least = Duration::max();
  Duration most = Duration::min();
};

Range observe(Jitter jitter, int n, Duration previous = 0ns) {
  Range range;
  Random random(static_cast<uint64_t>(n) + 1);
  const Backoff backoff({.base = 100ms, .max = 2s, .jitter = jitter});
  for (int i = 0; i < 5000; ++i) {
    const Duration delay = backoff.delay(n, previous, random);
    range.least = std::min(range.least, delay);
    range.most = std::max(range.most, delay);
  }
  return range;
}

}  // namespace

TEST_CASE("Without jitter the wait doubles to its maximum and stays there") {
  for (int n = 0; n < 8; ++n) {
    const Range range = observe(Jitter::none, n);
    CHECK(range.least == kExponential[n]);
    CHECK(range.most == kExponential[n]);
  }
  CHECK(observe(Jitter::none, 1'000'000).most == 2s);
}

TEST_CASE("Full jitter fills 0 to t") {
  for (int n = 0; n < 8; ++n) {
    CAPTURE(n);
    const Range range = observe(Jitter::full, n);
    CHECK(range.least >= 0ns);
    CHECK(range.least <= kExponential[n] / 50);
    CHECK(range.most <= kExponential[n]);
    CHECK(range.most >= kExponential[n] * 49 / 50);
  }
}

TEST_CASE("Equal jitter fills t/2 to t") {
  for (int n = 0; n < 8; ++n) {
    CAPTURE(n);
    const Range range = observe(Jitter::equal, n);
    CHECK(range.least >= kExponential[n] / 2);
    CHECK(range.least <= kExponential[n] * 51 / 100);
    CHECK(range.most <= kExponential[n]);
    CHECK(range.most >= kExponential[n] * 99 / 100);
  }
}

TEST_CASE("Decorrelated jitter fills base to three times the wait before, below the maximum") {
  const struct {
    Duration previous;
    Duration most;
  } cases[] = {{0ns, 300ms}, {100ms, 300ms}, {200ms, 600ms}, {600ms, 1800ms}, {1s, 2s}, {2s, 2s}};
  for (const auto& c : cases) {
    CAPTURE(c.previous.count());
    const Range range = observe(Jitter::decorrelated, 3, c.previous);
    CHECK(range.least >= 100ms);
    CHECK(range.least <= 110ms);
    CHECK(range.most <= c.most);
    CHECK(range.most >= c.most * 97 / 100);
  }
}

TEST_CASE("A base that is the maximum is every wait") {
  Random random(1);
  const Backoff backoff({.base = 1s, .max = 1s, .jitter = Jitter::none});
  for (int n = 0; n < 5; ++n) CHECK(backoff.delay(n, 0ns, random) == 1s);
}

TEST_CASE("The budget allows its ratio of the first attempts, and a few a second besides") {
  const struct {
    RetryBudgetConfig config;
    int firsts;
    int allowed;
  } cases[] = {
      {{.ratio = 0.2, .min_per_second = 3}, 0, 30},   {{.ratio = 0.2, .min_per_second = 3}, 100, 50},
      {{.ratio = 0.2, .min_per_second = 0}, 100, 20}, {{.ratio = 0.2, .min_per_second = 0}, 4, 0},
      {{.ratio = 0, .min_per_second = 1}, 1000, 10},  {{.ratio = 0, .min_per_second = 0}, 1000, 0},
      {{.ratio = 1, .min_per_second = 0}, 10, 10},
  };
  for (const auto& c : cases) {
    CAPTURE(c.config.ratio);
    CAPTURE(c.firsts);
    RetryBudget budget(c.config);
    const Time now{100s};
    for (int i = 0; i < c.firsts; ++i) budget.first_attempt(now);
    int allowed = 0;
    for (int i = 0; i < 2000; ++i) allowed += budget.try_retry(now);
    CHECK(allowed == c.allowed);
  }
}

TEST_CASE("First attempts and retries stop counting after ten seconds") {
  RetryBudget budget({.ratio = 0.5, .min_per_second = 0});
  Time now{100s};
  for (int i = 0; i < 20; ++i) budget.first_attempt(now);
  for (int i = 0; i < 10; ++i) CHECK(budget.try_retry(now));
  CHECK_FALSE(budget.try_retry(now + 9s));
  now += 10s;
  CHECK_FALSE(budget.try_retry(now));  // both are gone
  for (int i = 0; i < 20; ++i) budget.first_attempt(now);
  CHECK(budget.try_retry(now));
}

TEST_CASE("What remains of the budget is a ratio, never below 0") {
  RetryBudget budget({.ratio = 0, .min_per_second = 1});
  const Time now{100s};
  CHECK(budget.remaining_ratio(now) == 1);
  for (int i = 9; i >= 0; --i) {
    REQUIRE(budget.try_retry(now));
    CHECK(budget.remaining_ratio(now) == doctest::Approx(i / 10.0));
  }
  CHECK_FALSE(budget.try_retry(now));
  CHECK(budget.remaining_ratio(now) == 0);
  CHECK(budget.remaining_ratio(now + 10s) == 1);
  CHECK(RetryBudget({.ratio = 0, .min_per_second = 0}).remaining_ratio(now) == 0);

  RetryBudget earned({.ratio = 0.5, .min_per_second = 0});
  for (int i = 0; i < 4; ++i) earned.first_attempt(now - 9s);
  REQUIRE(earned.try_retry(now));
  REQUIRE(earned.try_retry(now));
  CHECK(earned.remaining_ratio(now + 5s) == 0);  // used more than is allowed now
}

TEST_CASE("The budget works where time is negative or stands still for long") {
  RetryBudget budget({.ratio = 0, .min_per_second = 0.1});
  CHECK(budget.try_retry(Time{-25s}));
  CHECK_FALSE(budget.try_retry(Time{-20s}));
  CHECK(budget.try_retry(Time{10'000h}));
}

}  // namespace tidegate::policy
