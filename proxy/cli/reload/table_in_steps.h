// Builds the table of a reload on the loop, for a millisecond or little more in each iteration.
#pragma once

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
  static constexpr Duration kStepMax = std::chrono::milliseconds(1);

  void step() {
    const Time begun = net::read_monotonic_clock();
    while (build_.step()) {
      if (net::read_monotonic_clock() - begun >= kStepMax) return next_.start_after(Duration::zero());
    }
    done_(build_.take());
  }

  core::RouteTable::Build build_;
  const std::function<void(Table)> done_;
  net::Timer next_;
};

}  // namespace tidegate::cli
