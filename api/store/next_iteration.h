// A callback on the next iteration of the event loop, for results that are known at once: every operation calls back
// later, and never after its handle is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::api {

class NextIteration final : public net::Operation {
 public:
  NextIteration(net::Runtime& runtime, std::function<void()> run)
      : run_(std::move(run)), timer_(runtime, [this] { fire(); }) {
    timer_.start_after(Duration::zero());
  }

 private:
  void fire() {
    const auto run = std::move(run_);  // may destroy this
    run();
  }

  std::function<void()> run_;
  net::Timer timer_;
};

inline std::unique_ptr<net::Operation> on_next_iteration(net::Runtime& runtime, std::function<void()> run) {
  return std::make_unique<NextIteration>(runtime, std::move(run));
}

}  // namespace tidegate::api
