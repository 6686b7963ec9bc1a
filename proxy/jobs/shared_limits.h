// The limits of one queue, which its stores read and a reload changes. Copies share them. Thread-safe; each get() is
// what one set() has given.
#pragma once

#include <memory>
#include <mutex>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

class SharedLimits {
 public:
  SharedLimits(const QueueLimits& limits = {}) : state_(std::make_shared<State>(limits)) {}

  QueueLimits get() const {
    const std::lock_guard lock(state_->mutex);
    return state_->limits;
  }
  // True: they were others.
  bool set(const QueueLimits& limits) {
    const std::lock_guard lock(state_->mutex);
    const bool others = state_->limits != limits;
    state_->limits = limits;
    return others;
  }

 private:
  struct State {
    explicit State(const QueueLimits& from) : limits(from) {}
    std::mutex mutex;
    QueueLimits limits;
  };
  std::shared_ptr<State> state_;
};

}  // namespace tidegate::jobs
