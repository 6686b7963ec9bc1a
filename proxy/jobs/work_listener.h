// The one listener of a queue's on_work: notified from any thread, called on its own loop, never after it was replaced.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "net/runtime.h"

namespace tidegate::jobs {

class WorkListener : public std::enable_shared_from_this<WorkListener> {
 public:
  // On home's loop; empty = none.
  void set(net::Runtime& home, std::function<void()> changed) {
    const std::lock_guard lock(mutex_);
    home_ = changed ? &home : nullptr;
    changed_ = std::move(changed);
    ++registration_;
  }

  // Any thread.
  void tell() {
    const std::lock_guard lock(mutex_);
    if (!home_) return;
    home_->post([self = shared_from_this(), registration = registration_] { self->call(registration); });
  }

 private:
  void call(uint64_t registration) {
    std::function<void()> changed;
    {
      const std::lock_guard lock(mutex_);
      if (registration_ == registration) changed = changed_;
    }
    if (changed) changed();
  }

  std::mutex mutex_;
  net::Runtime* home_ = nullptr;
  std::function<void()> changed_;  // on home's loop only
  uint64_t registration_ = 0;
};

}  // namespace tidegate::jobs
