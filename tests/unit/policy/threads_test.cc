// Workers share policies: four threads on one breaker, one bulkhead, one limiter, one budget; the counts add up. Run
// under the thread sanitizer as well.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "base/random.h"
#include "policy/breaker.h"
#include "policy/bulkhead.h"
#include "policy/rate_limiter.h"
#include "policy/retry_budget.h"

namespace tidegate::policy {

namespace {

constexpr int kThreads = 4;
constexpr Time kStart{10s};

void on_threads(const std::function<void(int)>& work) {
  std::atomic<int> waiting = kThreads;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      waiting.fetch_sub(1);
      while (waiting.load() > 0) std::this_thread::yield();  // all begin together
      work(t);
    });
  }
}

}  // namespace

TEST_CASE("The breaker counts every call of four threads once") {
  constexpr int kCalls = 20'000;
  BreakerConfig config;
  config.open_for = config.open_for_max = 1ms;
  config.half_open_requests = 2;
  Breaker breaker("shared", config, kStart, 1);
  std::atomic<uint64_t> announced = 0, reported = 0, dropped = 0, refused = 0;
  breaker.on_change([&] { announced += breaker.take_transitions().kept.size(); });
  on_threads([&](int t) {
    Random random(static_cast<uint64_t>(t));
    for (int i = 0; i < kCalls; ++i) {
      const Time now = kStart + i * 10us;
      auto acquired = breaker.acquire(now);
      if (acquired.refused) {
        ++refused;
        continue;
      }
      const double what = random.uniform();
      if (what < 0.1) {
        ++dropped;
        continue;
      }
      ++reported;
      acquired.permit.report(what < 0.3 ? Verdict::failure : what < 0.35 ? Verdict::ignored : Verdict::success, now);
    }
  });
  const BreakerView view = breaker.view(kStart + kCalls * 10us);
  CHECK(view.successes + view.failures + view.ignored + view.slow == reported + dropped);
  CHECK(view.not_permitted == refused);
  CHECK(refused + reported + dropped == kThreads * kCalls);
  CHECK(view.probes_in_flight == 0);
  CHECK(announced == view.transitions);
  CHECK(announced > 10);  // the breaker was busy
}

TEST_CASE("Of four threads that come to a due breaker at once, exactly as many probe as there are slots") {
  for (int round = 0; round < 300; ++round) {
    BreakerConfig config;
    config.half_open_requests = 1 + round % 3;
    Breaker breaker("shared", config, kStart, 1);
    for (int i = 0; i < 5; ++i) breaker.acquire(kStart).permit.report(Verdict::failure, kStart);
    std::atomic<int> probes = 0, others = 0;
    std::vector<Permit> held(kThreads * 10);
    on_threads([&](int t) {
      for (int i = 0; i < 10; ++i) {
        Permit& permit = held[static_cast<size_t>(t * 10 + i)];
        permit = breaker.acquire(kStart + 31s).permit;
        if (permit.valid()) ++(permit.probe() ? probes : others);
      }
    });
    REQUIRE(probes == config.half_open_requests);
    REQUIRE(others == 0);
  }
}

TEST_CASE("Four threads never hold more slots than there are, each waiter is granted once, and all come back") {
  constexpr int kRounds = 5'000;
  Bulkhead bulkhead("shared", {.max_concurrent = 3, .max_waiting = 2});
  struct Waiter final : SlotWaiter {
    ~Waiter() override { leave(); }
    void granted() override { grants.fetch_add(1); }
    std::atomic<int> grants = 0;
  };
  std::atomic<int> holding = 0, over = 0, served = 0, turned_away = 0, left = 0, granted_twice = 0;
  const auto hold = [&](Slot slot) {
    if (++holding > 3) ++over;
    ++served;
    --holding;
    slot.release();
  };
  on_threads([&](int t) {
    Random random(static_cast<uint64_t>(t) + 10);
    for (int i = 0; i < kRounds; ++i) {
      if (auto slot = bulkhead.acquire()) {
        std::this_thread::yield();
        hold(std::move(*slot));
        continue;
      }
      Waiter waiter;
      if (!bulkhead.wait(waiter)) {
        ++turned_away;
        continue;
      }
      const bool patient = random.chance(0.7);
      std::optional<Slot> slot;
      for (int looks = 0; !(slot = waiter.take()) && (patient || looks < 3); ++looks) std::this_thread::yield();
      if (slot) {
        hold(std::move(*slot));
      } else {
        ++left;
      }
      waiter.leave();
      if (waiter.grants > 1) ++granted_twice;
    }
  });
  CHECK(over == 0);
  CHECK(granted_twice == 0);
  CHECK(served + turned_away + left == kThreads * kRounds);
  CHECK(served > 0);
  CHECK(bulkhead.view().in_use == 0);
  CHECK(bulkhead.view().waiting == 0);
}

TEST_CASE("Four threads together get from a bucket exactly what one would have") {
  RateLimiter limiter({.rate_per_s = 1000, .burst = 500});
  constexpr RateKey kOne{1, 1}, kOther{2, 2};
  std::atomic<int> one = 0, other = 0;
  on_threads([&](int) {
    for (int i = 0; i < 5'000; ++i) {
      one += limiter.check(kOne, kStart).allowed;
      other += limiter.check(kOther, kStart).allowed;
    }
  });
  CHECK(one == 500);
  CHECK(other == 500);
  std::atomic<int> later = 0;
  on_threads([&](int) {
    for (int i = 0; i < 5'000; ++i) later += limiter.check(kOne, kStart + 250ms).allowed;
  });
  CHECK(later == 250);
}

TEST_CASE("Keys of four threads stay within the bound of the table") {
  RateLimiter limiter({.max_keys = 20'000});
  on_threads([&](int t) {
    Random random(static_cast<uint64_t>(t) + 20);
    for (int i = 0; i < 20'000; ++i) limiter.check({random.next(), random.next()}, kStart);
  });
  CHECK(limiter.tracked() <= 20'000);
  CHECK(limiter.tracked() > 15'000);
}

TEST_CASE("Four threads spend no more than the retry budget") {
  RetryBudget budget({.ratio = 0.25, .min_per_second = 0});
  std::atomic<int> retries = 0;
  on_threads([&](int) {
    for (int i = 0; i < 1000; ++i) budget.first_attempt(kStart);
  });
  on_threads([&](int) {
    for (int i = 0; i < 1000; ++i) retries += budget.try_retry(kStart);
  });
  CHECK(retries == 1000);
}

}  // namespace tidegate::policy
