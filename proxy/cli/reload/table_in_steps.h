// Builds the table of a reload on the loop: in each iteration for 1 ms or, on a busy loop, for as long as it did other
// things, but for 4 ms at most, and to the end of the item then begun.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "core/routing/route_table.h"
#include "net/clock.h"
#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::cli {

class TableInSteps {
 public:
  using Table = std::shared_ptr<const core::RouteTable>;

  // As core::RouteTable::build. `done` runs once, later. Runtime and policies outlive it.
  TableInSteps(net::Runtime& runtime, std::shared_ptr<const config::Config> config, core::Policies& policies,
               std::function<void(Table)> done)
      : build_(std::move(config), policies), done_(std::move(done)), next_(runtime, [this] { step(); }) {
    next_.start_after(Duration::zero());
  }

 private:
  static constexpr Duration kStepMin = std::chrono::milliseconds(1);
  static constexpr Duration kStepMax = std::chrono::milliseconds(4);

  void step() {
    const Time begun = net::read_monotonic_clock();
    const Time until = begun + std::clamp(begun - last_, kStepMin, kStepMax);
    while (build_.step()) {
      last_ = net::read_monotonic_clock();
      if (last_ >= until) return next_.start_after(Duration::zero());
    }
    done_(build_.take());
  }

  core::RouteTable::Build build_;
  const std::function<void(Table)> done_;
  net::Timer next_;
  Time last_ = net::read_monotonic_clock();  // when a step ended
};

}  // namespace tidegate::cli
