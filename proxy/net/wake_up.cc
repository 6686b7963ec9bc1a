#include "net/wake_up.h"

#include <atomic>
#include <utility>

namespace tidegate::net {

// Any thread posts; only the loop touches `on_wake`, which is null once the WakeUp has ended.
struct WakeUp::State {
  State(Runtime& loop, std::function<void()> wake) : runtime(loop), on_wake(std::move(wake)) {}

  Runtime& runtime;
  std::function<void()> on_wake;
  std::atomic<bool> posted{false};
};

WakeUp::WakeUp(Runtime& runtime, std::function<void()> on_wake)
    : state_(std::make_shared<State>(runtime, std::move(on_wake))) {}

std::function<void()> WakeUp::caller() const {
  return [state = state_] {
    if (state->posted.exchange(true)) return;
    state->runtime.post([state] {
      state->posted = false;
      if (state->on_wake) state->on_wake();
    });
  };
}

void WakeUp::stop() { state_->on_wake = nullptr; }

}  // namespace tidegate::net
