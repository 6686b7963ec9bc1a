// A callback that runs on the next turn of the loop: the answer of what knows it at once, given as everything else is
// given, later and to those who still wait.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::api {

class NextTurn final : public net::Operation {
 public:
  NextTurn(net::Runtime& runtime, std::function<void()> run)
      : run_(std::move(run)), timer_(runtime, [this] { fire(); }) {
    timer_.start_after(Duration::zero());
  }

 private:
  void fire() {
    const auto run = std::move(run_);  // it may destroy this
    run();
  }

  std::function<void()> run_;
  net::Timer timer_;
};

inline std::unique_ptr<net::Operation> on_next_turn(net::Runtime& runtime, std::function<void()> run) {
  return std::make_unique<NextTurn>(runtime, std::move(run));
}

}  // namespace tidegate::api
