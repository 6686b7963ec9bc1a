#include "core/listeners.h"

#include <algorithm>

namespace tidegate::core {

Listeners::Listeners(Worker& worker) : worker_(worker) {
  for (const config::Listener& listener : worker.table()->config().listeners) {
    listeners_.push_back(std::make_unique<ListenerService>(worker, listener));
  }
  draining_left_ = listeners_.size();
}

Status Listeners::listen() {
  for (auto& listener : listeners_) {
    if (Status status = listener->listen(); !status) return status;
  }
  return Ok{};
}

size_t Listeners::connections() const {
  size_t sum = 0;
  for (const auto& listener : listeners_) sum += listener->connections();
  return sum;
}

void Listeners::begin_lame_duck() {
  for (auto& listener : listeners_) {
    listener->begin_lame_duck([this, &lame = *listener] { drain_one(lame); });
  }
}

void Listeners::drain(std::function<void()> done) {
  drained_ = std::move(done);
  for (auto& listener : listeners_) {
    if (!listener->drains()) drain_one(*listener);
  }
  if (draining_left_ == 0) worker_.runtime().post([this] { end_drain(); });  // all of them were over before
}

void Listeners::drain_one(ListenerService& listener) {
  // A client that has nothing to send must not use up the time of those that have.
  const Duration idle_max = std::min(http::Server::kDrainIdleMax, worker_.table()->config().shutdown_grace / 4);
  const auto done = [this] {
    if (--draining_left_ == 0 && drained_) end_drain();
  };
  listener.drain(done, idle_max);
}

void Listeners::cut_off() {
  if (draining_left_ == 0) return;
  draining_left_ = 0;
  listeners_.clear();
  end_drain();
}

void Listeners::end_drain() {
  worker_.close_idle();
  drained_();
}

}  // namespace tidegate::core
