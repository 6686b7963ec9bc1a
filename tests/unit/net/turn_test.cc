// One turn of the loop: posted tasks, disposal and the clock. One contract, both worlds.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

TEST_IN_WORLDS("Posted tasks run later, in the order in which they were posted") {
  World world;
  std::string order;
  for (char name = 'a'; name <= 'e'; ++name) {
    world.runtime().post([&order, &world, name] {
      order += name;
      if (name == 'b') world.runtime().post([&order] { order += '!'; });
    });
  }
  CHECK(order.empty());
  REQUIRE(world.run_until([&] { return order.size() == 6; }));
  CHECK(order == "abcde!");
}

TEST_IN_WORLDS("Tasks that never ran are destroyed with the runtime, even when that posts more") {
  const auto token = std::make_shared<int>(0);
  {
    World world;
    struct PostsWhenDestroyed {
      net::Runtime& runtime;
      std::shared_ptr<int> held;
      ~PostsWhenDestroyed() {
        runtime.post([held = held] { ++*held; });
      }
    };
    for (int i = 0; i < 10; ++i) {
      auto task = std::make_shared<PostsWhenDestroyed>(PostsWhenDestroyed{world.runtime(), token});
      world.runtime().post([task] { ++*task->held; });
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

TEST_IN_WORLDS("What is disposed of dies at the end of the turn: not at once, and before the next timer") {
  World world;
  bool dead = false, dead_inside = true, dead_next = false;
  world.runtime().post([&] {
    world.runtime().dispose(std::make_unique<Dying>([&] { dead = true; }));
    dead_inside = dead;
  });
  net::Timer timer(world.runtime(), [&] { dead_next = dead; });
  timer.start_after(3ms);
  REQUIRE(world.run_until([&] { return !timer.active(); }));
  CHECK_FALSE(dead_inside);
  CHECK(dead_next);
}

TEST_IN_WORLDS("A dying object may dispose of another, and post") {
  World world;
  int deaths = 0;
  bool ran = false;
  world.runtime().post([&] {
    world.runtime().dispose(std::make_unique<Dying>([&] {
      ++deaths;
      world.runtime().dispose(std::make_unique<Dying>([&] {
        ++deaths;
        world.runtime().post([&] { ran = true; });
      }));
    }));
  });
  REQUIRE(world.run_until([&] { return ran; }));
  CHECK(deaths == 2);
}

TEST_IN_WORLDS("What is still to be disposed of dies with the runtime") {
  bool dead = false;
  {
    World world;
    world.runtime().dispose(std::make_unique<Dying>([&] { dead = true; }));
  }
  CHECK(dead);
}

TEST_IN_WORLDS("The time does not change while callbacks of one turn run, and never goes back") {
  World world;
  Time last = world.runtime().now();
  bool back = false, moved = false;
  int left = 20;
  std::function<void()> look = [&] {
    const Time now = world.runtime().now();
    if (now < last) back = true;
    for (int i = 0; i < 20'000; ++i) {
      if (world.runtime().now() != now) moved = true;
    }
    last = now;
    if (--left > 0) world.runtime().post(look);
  };
  world.runtime().post(look);
  REQUIRE(world.run_until([&] { return left == 0; }));
  CHECK_FALSE(back);
  CHECK_FALSE(moved);
}

TEST_IN_WORLDS("The wall clock stands somewhere after 2025 and does not go back") {
  World world;
  const WallTime before = world.runtime().wall_now();
  settle(world);
  CHECK(before > WallTime(std::chrono::hours(24 * 365 * 55)));
  CHECK(world.runtime().wall_now() >= before);
}
