// One event-loop iteration: posted tasks, disposal and the clock. One contract, both runtimes.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

TEST_ON_BOTH_RUNTIMES("Posted tasks run later, in the order in which they were posted") {
  Loop loop;
  std::string order;
  for (char name = 'a'; name <= 'e'; ++name) {
    loop.runtime().post([&order, &loop, name] {
      order += name;
      if (name == 'b') loop.runtime().post([&order] { order += '!'; });
    });
  }
  CHECK(order.empty());
  REQUIRE(loop.run_until([&] { return order.size() == 6; }));
  CHECK(order == "abcde!");
}

TEST_ON_BOTH_RUNTIMES("Tasks that never ran are destroyed with the runtime, even when that posts more") {
  const auto token = std::make_shared<int>(0);
  {
    Loop loop;
    struct PostsWhenDestroyed {
      net::Runtime& runtime;
      std::shared_ptr<int> held;
      ~PostsWhenDestroyed() {
        runtime.post([held = held] { ++*held; });
      }
    };
    for (int i = 0; i < 10; ++i) {
      auto task = std::make_shared<PostsWhenDestroyed>(PostsWhenDestroyed{loop.runtime(), token});
      loop.runtime().post([task] { ++*task->held; });
    }
  }
  CHECK(*token == 0);
  CHECK(token.use_count() == 1);
}

namespace {

struct Dying final : net::Disposable {
  explicit Dying(std::function<void()> in_death) : in_death_(std::move(in_death)) {}
  ~Dying() override { in_death_(); }
  std::function<void()> in_death_;
};

}  // namespace

TEST_ON_BOTH_RUNTIMES("What is disposed of dies at the end of the iteration: not at once, and before the next timer") {
  Loop loop;
  bool dead = false, dead_inside = true, dead_next = false;
  loop.runtime().post([&] {
    loop.runtime().dispose(std::make_unique<Dying>([&] { dead = true; }));
    dead_inside = dead;
  });
  net::Timer timer(loop.runtime(), [&] { dead_next = dead; });
  timer.start_after(3ms);
  REQUIRE(loop.run_until([&] { return !timer.active(); }));
  CHECK_FALSE(dead_inside);
  CHECK(dead_next);
}

TEST_ON_BOTH_RUNTIMES("A dying object may dispose of another, and post") {
  Loop loop;
  int deaths = 0;
  bool ran = false;
  loop.runtime().post([&] {
    loop.runtime().dispose(std::make_unique<Dying>([&] {
      ++deaths;
      loop.runtime().dispose(std::make_unique<Dying>([&] {
        ++deaths;
        loop.runtime().post([&] { ran = true; });
      }));
    }));
  });
  REQUIRE(loop.run_until([&] { return ran; }));
  CHECK(deaths == 2);
}

TEST_ON_BOTH_RUNTIMES("What is still to be disposed of dies with the runtime") {
  bool dead = false;
  {
    Loop loop;
    loop.runtime().dispose(std::make_unique<Dying>([&] { dead = true; }));
  }
  CHECK(dead);
}

TEST_ON_BOTH_RUNTIMES("The time does not change while callbacks of one iteration run, and never goes back") {
  Loop loop;
  Time last = loop.runtime().now();
  bool back = false, moved = false;
  int left = 20;
  std::function<void()> look = [&] {
    const Time now = loop.runtime().now();
    if (now < last) back = true;
    for (int i = 0; i < 20'000; ++i) {
      if (loop.runtime().now() != now) moved = true;
    }
    last = now;
    if (--left > 0) loop.runtime().post(look);
  };
  loop.runtime().post(look);
  REQUIRE(loop.run_until([&] { return left == 0; }));
  CHECK_FALSE(back);
  CHECK_FALSE(moved);
}

TEST_ON_BOTH_RUNTIMES("The wall clock is after 2025 and does not go back") {
  Loop loop;
  const WallTime before = loop.runtime().wall_now();
  settle(loop);
  CHECK(before > WallTime(std::chrono::hours(24 * 365 * 55)));
  CHECK(loop.runtime().wall_now() >= before);
}
