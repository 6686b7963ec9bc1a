// The simulator's queue, in simulated time.
#pragma once

#include <memory>

#include "jobs/sim/queue.h"
#include "net/sim/sim_runtime.h"
#include "unit/jobs/contract/fixture.h"

namespace tidegate::jobs {

class SimFixture {
 public:
  explicit SimFixture(const QueueLimits& limits = {}) : queue_(SimQueue::make(runtime_, limits, 1)) {}

  net::Runtime& home() { return runtime_; }
  SimQueue& queue() { return *queue_; }
  void restart() { queue_->crash(); }
  template <typename Done>
  void run_until(Done done) {
    for (int events = 0; !done() && events < 100'000; ++events) REQUIRE(runtime_.run_one());
    REQUIRE(done());
  }
  void pass(Duration time) { runtime_.run_for(time); }
  void let_store_work() {}
  static constexpr Duration kMoment = 10s;

 private:
  net::SimRuntime runtime_{1};
  std::unique_ptr<SimQueue> queue_;
};

}  // namespace tidegate::jobs
