#include "core/routing/breaker_driver.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/log.h"

namespace tidegate::core {

BreakerDriver::BreakerDriver(net::Runtime& runtime, metrics::Metrics& metrics, BreakerMemory& memory)
    : metrics_(metrics),
      memory_(memory),
      runtime_(runtime),
      wake_(runtime, [this] { announce(); }),
      timer_(runtime, [this] { advance(); }) {}

void BreakerDriver::stop() {
  wake_.stop();
  take_transitions();  // those of the last event-loop iteration
  breakers_.clear();
  timer_.stop();
}

void BreakerDriver::add(const std::string& key, const std::shared_ptr<policy::Breaker>& breaker) {
  breaker->on_change(wake_.caller());
  breakers_.push_back({key, breaker});
  if (!recalls_) return;
  if (const auto open = memory_.recall(key, runtime_.wall_now())) breaker->restore(*open, runtime_.now());
}

void BreakerDriver::drop(const std::vector<std::shared_ptr<policy::Breaker>>& breakers) {
  if (breakers.empty()) return;
  take_transitions();
  std::set<const policy::Breaker*> dropped;
  for (const auto& breaker : breakers) dropped.insert(breaker.get());
  std::erase_if(breakers_, [&](const Driven& driven) {
    if (!dropped.contains(driven.breaker.lock().get())) return false;
    memory_.erase(driven.key);
    return true;
  });
}

// Those whose last table has ended. Nothing is remembered of a breaker that is not configured any more.
void BreakerDriver::drop_ended() {
  std::set<std::string> ended;
  std::erase_if(breakers_, [&](const Driven& driven) {
    if (!driven.breaker.expired()) return false;
    ended.insert(driven.key);
    return true;
  });
  if (ended.empty()) return;
  for (const Driven& driven : breakers_) ended.erase(driven.key);  // another has its place
  for (const std::string& key : ended) memory_.erase(key);
}

void BreakerDriver::advance() {
  for (const Driven& driven : breakers_) {
    if (const auto breaker = driven.breaker.lock()) breaker->advance(runtime_.now());
  }
  announce();
}

void BreakerDriver::announce() {
  take_transitions();
  set_timer();
}

void BreakerDriver::take_transitions() {
  drop_ended();
  for (const Driven& driven : breakers_) {
    const auto breaker = driven.breaker.lock();
    if (!breaker) continue;
    const policy::QueuedTransitions queued = breaker->take_transitions();
    if (queued.dropped > 0) {
      log_warn("breaker_transitions_dropped", {{"breaker", breaker->name()}, {"dropped", queued.dropped}});
    }
    for (const policy::Transition& made : queued.kept) announce_transition(driven, *breaker, made);
  }
}

// The log line and the metric in the same words, and the note for the next process.
void BreakerDriver::announce_transition(const Driven& driven, const policy::Breaker& breaker,
                                        const policy::Transition& made) {
  metrics_.breaker_transition(breaker.name(), made);
  const bool opened = made.to == policy::BreakerState::open;
  log_event(opened ? LogLevel::warn : LogLevel::info, "breaker_transition",
            {{"breaker", breaker.name()},
             {"from", to_string(made.from)},
             {"to", to_string(made.to)},
             {"reason", to_string(made.reason)},
             {"detail", made.detail},
             {"open_for_s", to_seconds(made.open_for)},
             {"outage_s", made.outage ? to_seconds(made.at - made.outage->since) : 0}});
  memory_.note(driven.key, made, runtime_.wall_now() - (runtime_.now() - made.at));
}

void BreakerDriver::set_timer() {
  std::optional<Time> next;
  for (const Driven& driven : breakers_) {
    const auto breaker = driven.breaker.lock();
    const auto due = breaker ? breaker->next_transition_at() : std::nullopt;
    if (due) next = std::min(next.value_or(*due), *due);
  }
  next ? timer_.start_at(*next) : timer_.stop();
}

}  // namespace tidegate::core
