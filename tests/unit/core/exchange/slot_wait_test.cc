// A wait in a bulkhead's queue: the slot, or the end of the time, and silence afterwards.
#include "core/exchange/slot_wait.h"

#include <doctest/doctest.h>

#include "net/sim/sim_runtime.h"

namespace tidegate::core {

namespace {

struct Fixture {
  std::unique_ptr<SlotWait> join() {
    return SlotWait::join(runtime, bulkhead, runtime.now() + 5s, [this](std::optional<policy::Slot> granted) {
      ++calls;
      slot = std::move(granted);
    });
  }

  net::SimRuntime runtime{1};
  policy::Bulkhead bulkhead{"b", {.max_concurrent = 1, .max_waiting = 1, .max_wait = 5s}};
  std::optional<policy::Slot> held = bulkhead.acquire();
  std::optional<policy::Slot> slot;
  int calls = 0;
};

}  // namespace

TEST_CASE("a slot that is released while a request waits goes to it, later and once") {
  Fixture fixture;
  const auto wait = fixture.join();
  REQUIRE(wait);
  fixture.held.reset();
  CHECK(fixture.calls == 0);
  fixture.runtime.run_for(10s);
  CHECK(fixture.calls == 1);
  CHECK(fixture.slot.has_value());
  CHECK(fixture.bulkhead.view().in_use == 1);
}

TEST_CASE("a wait whose time is over ends without a slot, and has left the queue") {
  Fixture fixture;
  const auto wait = fixture.join();
  REQUIRE(wait);
  fixture.runtime.run_for(4900ms);
  CHECK(fixture.calls == 0);
  fixture.runtime.run_for(200ms);
  CHECK(fixture.calls == 1);
  CHECK_FALSE(fixture.slot.has_value());
  CHECK(fixture.bulkhead.view().waiting == 0);
}

TEST_CASE("a full queue is joined by nobody") {
  Fixture fixture;
  const auto first = fixture.join();
  REQUIRE(first);
  CHECK_FALSE(fixture.join());
  fixture.runtime.run_for(1s);
  CHECK(fixture.calls == 0);
}

TEST_CASE("a wait that is destroyed is silent, and a slot that it was granted is free again") {
  Fixture fixture;
  auto wait = fixture.join();
  fixture.held.reset();
  wait.reset();
  fixture.runtime.run_for(10s);
  CHECK(fixture.calls == 0);
  CHECK(fixture.bulkhead.view().in_use == 0);
}

}  // namespace tidegate::core
