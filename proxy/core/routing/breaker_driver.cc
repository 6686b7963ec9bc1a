#include "core/routing/breaker_driver.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/log.h"

namespace tidegate::core {

// Any thread posts; only the driver's loop touches `driver`, which is null once it has ended.
struct BreakerDriver::Wake {
  Wake(net::Runtime& loop, BreakerDriver* target) : runtime(loop), driver(target) {}

  static void post(const std::shared_ptr<Wake>& wake) {
    if (wake->posted.exchange(true)) return;
    wake->runtime.post([wake] {
      wake->posted = false;
      if (wake->driver) wake->driver->announce();
    });
  }

  net::Runtime& runtime;
  BreakerDriver* driver;
  std::atomic<bool> posted{false};
};

namespace {

// The log line and the metric of a transition, in the same words.
void announce(metrics::Metrics& metrics, const std::string& breaker, const policy::Transition& transition) {
  metrics.breaker_transition(breaker, transition);
  const bool opened = transition.to == policy::BreakerState::open;
  log_event(opened ? LogLevel::warn : LogLevel::info, "breaker_transition",
            {{"breaker", breaker},
             {"from", to_string(transition.from)},
             {"to", to_string(transition.to)},
             {"reason", to_string(transition.reason)},
             {"detail", transition.detail},
             {"open_for_s", opened ? to_seconds(transition.open_for) : 0.0}});
}

}  // namespace

BreakerDriver::BreakerDriver(net::Runtime& runtime, metrics::Metrics& metrics)
    : metrics_(metrics),
      runtime_(runtime),
      wake_(std::make_shared<Wake>(runtime, this)),
      timer_(runtime, [this] { advance(); }) {}

void BreakerDriver::stop() {
  wake_->driver = nullptr;
  take_transitions();  // those of the last event-loop iteration
  breakers_.clear();
  timer_.stop();
}

void BreakerDriver::add(const std::shared_ptr<policy::Breaker>& breaker) {
  breaker->on_change([wake = wake_] { Wake::post(wake); });
  breakers_.push_back(breaker);
}

void BreakerDriver::advance() {
  for (const auto& entry : breakers_) {
    if (const auto breaker = entry.lock()) breaker->advance(runtime_.now());
  }
  announce();
}

void BreakerDriver::announce() {
  take_transitions();
  set_timer();
}

void BreakerDriver::take_transitions() {
  std::erase_if(breakers_, [](const auto& entry) { return entry.expired(); });
  for (const auto& entry : breakers_) {
    const auto breaker = entry.lock();
    if (!breaker) continue;
    const policy::QueuedTransitions queued = breaker->take_transitions();
    if (queued.dropped > 0) {
      log_warn("breaker_transitions_dropped", {{"breaker", breaker->name()}, {"dropped", queued.dropped}});
    }
    for (const policy::Transition& made : queued.kept) core::announce(metrics_, breaker->name(), made);
  }
}

void BreakerDriver::set_timer() {
  std::optional<Time> next;
  for (const auto& entry : breakers_) {
    const auto breaker = entry.lock();
    const auto due = breaker ? breaker->next_transition_at() : std::nullopt;
    if (due) next = std::min(next.value_or(*due), *due);
  }
  next ? timer_.start_at(*next) : timer_.stop();
}

}  // namespace tidegate::core
