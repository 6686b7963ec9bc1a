// Slots: how many there are, who waits, in which order they are granted, and that every one is returned.
#include "policy/bulkhead.h"

#include <doctest/doctest.h>

#include <deque>
#include <vector>

namespace tidegate::policy {

namespace {

struct Waiter final : SlotWaiter {
  Waiter(std::string& order, char name) : order_(order), name_(name) {}
  ~Waiter() override { leave(); }
  void granted() override { order_ += name_; }

 private:
  std::string& order_;
  char name_;
};

Bulkhead two_slots(int max_waiting = 3) { return {"b", {.max_concurrent = 2, .max_waiting = max_waiting}}; }

}  // namespace

TEST_CASE("There are max_concurrent slots, and each comes back when its holder lets go") {
  Bulkhead bulkhead = two_slots();
  auto one = bulkhead.acquire(), two = bulkhead.acquire();
  REQUIRE(one);
  REQUIRE(two);
  CHECK_FALSE(bulkhead.acquire());
  CHECK(bulkhead.view().in_use == 2);
  CHECK(bulkhead.view().limit == 2);
  one->release();
  one->release();  // only once
  CHECK(bulkhead.view().in_use == 1);
  two.reset();
  CHECK(bulkhead.view().in_use == 0);
  CHECK(bulkhead.acquire());
}

TEST_CASE("A slot moved is one slot; overwriting one gives it back") {
  Bulkhead bulkhead = two_slots();
  Slot one = std::move(*bulkhead.acquire());
  Slot two = std::move(one);
  CHECK_FALSE(one.valid());  // NOLINT: the moved-from state is the point
  CHECK(bulkhead.view().in_use == 1);
  two = std::move(*bulkhead.acquire());
  CHECK(bulkhead.view().in_use == 1);
  two = Slot();
  CHECK(bulkhead.view().in_use == 0);
}

TEST_CASE("The waiter that has waited longest is served first") {
  Bulkhead bulkhead = two_slots();
  std::string order;
  std::deque<Slot> slots;
  slots.push_back(std::move(*bulkhead.acquire()));
  slots.push_back(std::move(*bulkhead.acquire()));
  Waiter a(order, 'a'), b(order, 'b'), c(order, 'c');
  for (Waiter* waiter : {&a, &b, &c}) REQUIRE(bulkhead.wait(*waiter));
  CHECK(bulkhead.view().waiting == 3);
  CHECK(a.waiting());
  CHECK_FALSE(a.take());
  for (const char* expected : {"a", "ab"}) {
    slots.pop_front();
    CHECK(order == expected);
    CHECK(bulkhead.view().in_use == 2);  // given on, never free in between
  }
  CHECK_FALSE(a.waiting());
  slots.push_back(std::move(*a.take()));
  CHECK_FALSE(a.take());
  slots.pop_front();
  CHECK(order == "abc");
  b.take();  // and dropped at once
  c.take();
  CHECK(bulkhead.view().in_use == 0);
  CHECK(bulkhead.view().waiting == 0);
}

TEST_CASE("The queue is bounded, and a slot for no one to wait means none waits") {
  std::string order;
  for (const int bound : {0, 1, 3}) {
    CAPTURE(bound);
    Bulkhead bulkhead = two_slots(bound);
    const auto one = bulkhead.acquire(), two = bulkhead.acquire();
    std::deque<Waiter> waiters;
    for (int i = 0; i < bound; ++i) REQUIRE(bulkhead.wait(waiters.emplace_back(order, 'w')));
    Waiter late(order, 'l');
    CHECK_FALSE(bulkhead.wait(late));
    CHECK_FALSE(late.waiting());
    CHECK_FALSE(late.take());
  }
  CHECK(order.empty());
}

TEST_CASE("Joining the queue while a slot is free is granted at once") {
  Bulkhead bulkhead = two_slots(0);
  std::string order;
  Waiter waiter(order, 'w');
  REQUIRE(bulkhead.wait(waiter));
  CHECK(order == "w");
  CHECK(bulkhead.view().in_use == 1);
  CHECK(waiter.take());
  CHECK(bulkhead.view().in_use == 0);
}

TEST_CASE("acquire gives nothing while a call waits: it never overtakes") {
  Bulkhead bulkhead{"b", {.max_concurrent = 1, .max_waiting = 5}};
  std::string order;
  auto held = bulkhead.acquire();
  Waiter waiter(order, 'w');
  REQUIRE(bulkhead.wait(waiter));
  CHECK_FALSE(bulkhead.acquire());
  held.reset();
  CHECK(order == "w");
  CHECK_FALSE(bulkhead.acquire());  // the waiter's, though not taken yet
  waiter.leave();
  CHECK(bulkhead.acquire());
}

TEST_CASE("A wait that is cancelled leaves the queue to the others") {
  Bulkhead bulkhead = two_slots();
  std::string order;
  auto one = bulkhead.acquire();
  const auto two = bulkhead.acquire();
  Waiter a(order, 'a'), c(order, 'c');
  {
    Waiter b(order, 'b');
    REQUIRE(bulkhead.wait(a));
    REQUIRE(bulkhead.wait(b));
    REQUIRE(bulkhead.wait(c));
    a.leave();
    a.leave();  // no harm
    CHECK_FALSE(a.waiting());
  }  // b is destroyed in the queue
  CHECK(bulkhead.view().waiting == 1);
  one.reset();
  CHECK(order == "c");
}

TEST_CASE("A slot granted and not taken goes to the next when its waiter leaves") {
  Bulkhead bulkhead{"b", {.max_concurrent = 1, .max_waiting = 5}};
  std::string order;
  auto held = bulkhead.acquire();
  Waiter last(order, 'z');
  {
    Waiter first(order, 'a');
    REQUIRE(bulkhead.wait(first));
    REQUIRE(bulkhead.wait(last));
    held.reset();
    CHECK(order == "a");
  }
  CHECK(order == "az");
  CHECK(bulkhead.view().in_use == 1);
  CHECK(last.take());
  CHECK(bulkhead.view().in_use == 0);
}

TEST_CASE("A waiter that was served may wait again") {
  Bulkhead bulkhead{"b", {.max_concurrent = 1, .max_waiting = 5}};
  std::string order;
  auto held = bulkhead.acquire();
  Waiter waiter(order, 'w');
  for (int round = 1; round <= 3; ++round) {
    REQUIRE(bulkhead.wait(waiter));
    held.reset();
    held = waiter.take();
    REQUIRE(held);
    CHECK(order.size() == static_cast<size_t>(round));
  }
}

TEST_CASE("Jobs leave a slot for the next live call, and may always have one that is free") {
  Bulkhead bulkhead("b", {.max_concurrent = 4, .max_waiting = 1});
  const Time now{10s};
  std::deque<Slot> jobs;
  while (auto slot = bulkhead.acquire_spare(now)) jobs.push_back(std::move(*slot));
  CHECK(jobs.size() == 3);
  const auto live = bulkhead.acquire();
  CHECK(live);
  jobs.clear();
  CHECK(bulkhead.view().in_use == 1);
  Bulkhead narrow("narrow", {.max_concurrent = 1, .max_waiting = 1});
  CHECK(narrow.acquire_spare(now));
}

TEST_CASE("While live traffic comes, jobs have half of the slots, and all but one a second later") {
  Bulkhead bulkhead("b", {.max_concurrent = 6, .max_waiting = 1});
  Time now{10s};
  const auto count = [&] {
    std::deque<Slot> jobs;
    while (auto slot = bulkhead.acquire_spare(now)) jobs.push_back(std::move(*slot));
    return jobs.size();
  };
  auto live = bulkhead.acquire();
  CHECK(count() == 3);
  now += 5s;
  CHECK(count() == 3);  // it goes on
  live.reset();
  now += 500ms;
  CHECK(count() == 5);  // the last call was seen long ago
  bulkhead.acquire().reset();
  CHECK(count() == 3);
  now += 900ms;
  CHECK(count() == 3);
  now += 200ms;
  CHECK(count() == 5);
}

TEST_CASE("Jobs get nothing while a call waits, and the slot that a job returns goes to the waiter") {
  Bulkhead bulkhead("b", {.max_concurrent = 1, .max_waiting = 1});
  const Time now{10s};
  auto job = bulkhead.acquire_spare(now);
  REQUIRE(job);
  std::string order;
  Waiter live(order, 'a');
  REQUIRE(bulkhead.wait(live));
  CHECK_FALSE(bulkhead.acquire_spare(now));
  job.reset();
  CHECK(order == "a");
  auto slot = live.take();
  CHECK(slot);
  CHECK_FALSE(bulkhead.acquire_spare(now));
  slot.reset();
  CHECK(bulkhead.acquire_spare(now));
}

TEST_CASE("A limit that shrinks below what is in use drains down, and one that grows serves who waits") {
  Bulkhead bulkhead = two_slots();
  std::string order;
  auto one = bulkhead.acquire(), two = bulkhead.acquire();
  Waiter a(order, 'a'), b(order, 'b');
  REQUIRE(bulkhead.wait(a));
  REQUIRE(bulkhead.wait(b));
  bulkhead.reconfigure({.max_concurrent = 1, .max_waiting = 3});
  one.reset();  // above the limit: nobody gets it
  CHECK(order.empty());
  CHECK(bulkhead.view().in_use == 1);
  two.reset();
  CHECK(order == "a");
  CHECK(bulkhead.view().in_use == 1);
  bulkhead.reconfigure({.max_concurrent = 3, .max_waiting = 3});
  CHECK(order == "ab");
  CHECK(bulkhead.view().limit == 3);
  CHECK(bulkhead.config().max_concurrent == 3);
  CHECK(bulkhead.acquire());
}

TEST_CASE("the slots that tunnels hold are counted, and come back as all others") {
  Bulkhead bulkhead = two_slots();
  auto one = bulkhead.acquire(), two = bulkhead.acquire();
  one->hold_for_tunnel();
  Slot moved = std::move(*one);
  CHECK(bulkhead.view().tunnels == 1);
  CHECK(bulkhead.view().text() == "2 of 2 slots in use, 1 of them by tunnels");
  two->release();
  CHECK(bulkhead.view().tunnels == 1);
  moved.release();
  CHECK(bulkhead.view().tunnels == 0);
  CHECK(bulkhead.view().in_use == 0);
  Slot().hold_for_tunnel();  // of a route without a bulkhead
}

}  // namespace tidegate::policy
