#include "net/wake_up.h"

#include <doctest/doctest.h>

#include <memory>

#include "net/sim/sim_runtime.h"

namespace tidegate::net {

TEST_CASE("wake-ups run on the loop, once for all that were given before, and later ones again") {
  SimRuntime runtime(1);
  int woken = 0;
  WakeUp wake(runtime, [&] { ++woken; });
  const auto call = wake.caller();
  for (int i = 0; i < 10; ++i) call();
  CHECK(woken == 0);
  runtime.run_for(1ms);
  CHECK(woken == 1);
  call();
  runtime.run_for(1ms);
  CHECK(woken == 2);
}

TEST_CASE("a wake-up that is given inside another is not lost") {
  SimRuntime runtime(1);
  int woken = 0;
  std::function<void()> call;
  WakeUp wake(runtime, [&] {
    if (++woken < 3) call();
  });
  call = wake.caller();
  call();
  runtime.run_for(10ms);
  CHECK(woken == 3);
}

TEST_CASE("after its end, or a stop, there is silence, for what was on its way too") {
  SimRuntime runtime(1);
  int woken = 0;
  auto wake = std::make_unique<WakeUp>(runtime, [&] { ++woken; });
  const auto call = wake->caller();
  call();
  SUBCASE("end") { wake.reset(); }
  SUBCASE("stop") { wake->stop(); }
  runtime.run_for(1ms);
  call();
  runtime.run_for(1ms);
  CHECK(woken == 0);
}

}  // namespace tidegate::net
