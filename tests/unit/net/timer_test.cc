// Timers: one contract, both runtimes.
#include <algorithm>

#include "base/random.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

TEST_ON_BOTH_RUNTIMES("Timers fire in the order of their deadlines, never early") {
  Loop loop;
  std::string order;
  const Time start = loop.runtime().now();
  bool early = false;
  const auto fired = [&](char name, Duration after) {
    order += name;
    if (loop.runtime().now() < start + after) early = true;
  };
  net::Timer c(loop.runtime(), [&] { fired('c', 15ms); });
  net::Timer a(loop.runtime(), [&] { fired('a', 1ms); });
  net::Timer b(loop.runtime(), [&] { fired('b', 5ms); });
  c.start_at(start + 15ms);
  a.start_at(start + 1ms);
  b.start_at(start + 5ms);
  REQUIRE(loop.run_until([&] { return order.size() == 3; }));
  CHECK(order == "abc");
  CHECK_FALSE(early);
}

TEST_ON_BOTH_RUNTIMES("Equal deadlines fire in the order in which they were started") {
  Loop loop;
  std::string order;
  const Time at = loop.runtime().now() + 2ms;
  std::vector<std::unique_ptr<net::Timer>> timers;
  for (char name = 'a'; name <= 'z'; ++name) {
    timers.push_back(std::make_unique<net::Timer>(loop.runtime(), [&order, name] { order += name; }));
  }
  for (auto& timer : timers) timer->start_at(at);
  timers[0]->start_at(at);  // started again: now the last
  REQUIRE(loop.run_until([&] { return order.size() == 26; }));
  CHECK(order == "bcdefghijklmnopqrstuvwxyza");
}

TEST_ON_BOTH_RUNTIMES("A restarted timer fires once, at its new deadline") {
  Loop loop;
  int fired = 0;
  Time fired_at{};
  net::Timer timer(loop.runtime(), [&] {
    ++fired;
    fired_at = loop.runtime().now();
  });
  const Time start = loop.runtime().now();
  timer.start_at(start + 1ms);
  timer.start_at(start + 10ms);
  CHECK(timer.deadline() == start + 10ms);
  REQUIRE(loop.run_until([&] { return fired > 0; }));
  CHECK(fired_at >= start + 10ms);
  CHECK_FALSE(timer.active());
  settle(loop);
  CHECK(fired == 1);
}

TEST_ON_BOTH_RUNTIMES("A stopped timer is silent, and can be started again") {
  Loop loop;
  int fired = 0;
  net::Timer timer(loop.runtime(), [&] { ++fired; });
  timer.start_after(1ms);
  CHECK(timer.active());
  timer.stop();
  timer.stop();
  CHECK_FALSE(timer.active());
  settle(loop);
  CHECK(fired == 0);
  timer.start_after(1ms);
  CHECK(loop.run_until([&] { return fired == 1; }));
}

TEST_ON_BOTH_RUNTIMES("A timer restarted inside its own callback goes on") {
  Loop loop;
  int fired = 0;
  std::unique_ptr<net::Timer> timer;
  timer = std::make_unique<net::Timer>(loop.runtime(), [&] {
    CHECK_FALSE(timer->active());
    if (++fired < 5) timer->start_after(1ms);
  });
  timer->start_after(1ms);
  REQUIRE(loop.run_until([&] { return fired == 5; }));
  settle(loop);
  CHECK(fired == 5);
}

TEST_ON_BOTH_RUNTIMES("A timer may be destroyed inside its own callback") {
  Loop loop;
  std::unique_ptr<net::Timer> timer;
  const auto token = std::make_shared<std::string>("still here");
  std::string seen;
  timer = std::make_unique<net::Timer>(loop.runtime(), [&, token] {
    timer.reset();
    seen = *token;  // what the callback holds outlives the timer, while it runs
  });
  timer->start_after(1ms);
  REQUIRE(loop.run_until([&] { return timer == nullptr; }));
  CHECK(seen == "still here");
  CHECK(token.use_count() == 1);
}

TEST_ON_BOTH_RUNTIMES("A timer may stop or destroy another that is due in the same iteration: silence") {
  Loop loop;
  int fired = 0;
  std::unique_ptr<net::Timer> destroyed = std::make_unique<net::Timer>(loop.runtime(), [&] { ++fired; });
  net::Timer stopped(loop.runtime(), [&] { ++fired; });
  bool first = false;
  net::Timer timer(loop.runtime(), [&] {
    first = true;
    destroyed.reset();
    stopped.stop();
  });
  const Time at = loop.runtime().now() + 1ms;
  timer.start_at(at);
  destroyed->start_at(at);
  stopped.start_at(at);
  REQUIRE(loop.run_until([&] { return first; }));
  settle(loop);
  CHECK(fired == 0);
}

TEST_ON_BOTH_RUNTIMES("A deadline in the past fires in a later iteration, not inside the call") {
  Loop loop;
  bool fired = false;
  net::Timer timer(loop.runtime(), [&] { fired = true; });
  timer.start_at(loop.runtime().now() - 1h);
  CHECK_FALSE(fired);
  CHECK(loop.run_until([&] { return fired; }));
}

TEST_ON_BOTH_RUNTIMES("A timer that restarts itself in the past fires once an iteration and starves no other") {
  Loop loop;
  int greedy_fired = 0;
  bool other_fired = false;
  std::unique_ptr<net::Timer> greedy;
  greedy = std::make_unique<net::Timer>(loop.runtime(), [&] {
    if (++greedy_fired < 1000) greedy->start_at(Time{});
  });
  net::Timer other(loop.runtime(), [&] { other_fired = true; });
  greedy->start_at(Time{});
  other.start_at(loop.runtime().now());
  REQUIRE(loop.run_until([&] { return other_fired; }));
  CHECK(greedy_fired < 3);
}

TEST_ON_BOTH_RUNTIMES("A zero delay lets other work in between") {
  Loop loop;
  int fired = 0;
  bool posted = false;
  std::unique_ptr<net::Timer> timer;
  timer = std::make_unique<net::Timer>(loop.runtime(), [&] {
    ++fired;
    if (!posted) timer->start_after(0ns);
  });
  timer->start_after(0ns);
  loop.runtime().post([&] { posted = true; });
  CHECK(loop.run_until([&] { return posted; }));
}

TEST_ON_BOTH_RUNTIMES(
    "A heap of timers, started, restarted and stopped at random, fires exactly what is left, in order") {
  Loop loop;
  Random random(99);
  struct Entry {
    std::unique_ptr<net::Timer> timer;
    Time deadline{};
    int fired = 0;
  };
  std::vector<Entry> entries(300);
  std::vector<Time> order;
  for (Entry& entry : entries) {
    entry.timer = std::make_unique<net::Timer>(loop.runtime(), [&entry, &order] {
      ++entry.fired;
      order.push_back(entry.deadline);
    });
  }
  const Time start = loop.runtime().now() + 1ms;
  for (int step = 0; step < 3000; ++step) {
    Entry& entry = entries[random.below(entries.size())];
    if (random.chance(0.3)) {
      entry.timer->stop();
    } else {
      entry.deadline = start + Duration(static_cast<int64_t>(random.below(5'000'000)));
      entry.timer->start_at(entry.deadline);
    }
  }
  std::vector<bool> expected;
  for (const Entry& entry : entries) expected.push_back(entry.timer->active());
  // UvLoop ticks with a timer of its own.
  REQUIRE(loop.run_until([&] { return loop.runtime().timer_queue().size() <= 1; }));
  settle(loop);
  for (size_t i = 0; i < entries.size(); ++i) CHECK(entries[i].fired == (expected[i] ? 1 : 0));
  CHECK(std::is_sorted(order.begin(), order.end()));
}
