#include "jobs/sqlite/disk/stall_watch.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "jobs/refusal.h"
#include "net/clock.h"

namespace tidegate::jobs {

StallWatch::StallWatch(std::string store, Duration stall_after)
    : store_(std::move(store)), stall_after_(stall_after), thread_([this] { run(); }) {}

StallWatch::~StallWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Duration StallWatch::taken() const { return net::read_monotonic_clock() - begun_; }

// Wakes nobody: a commit must not cost a switch of threads.
void StallWatch::begin() {
  const std::lock_guard lock(mutex_);
  begun_ = net::read_monotonic_clock();
  state_ = State::working;
}

void StallWatch::end() {
  std::optional<Duration> stalled;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(state_, State::idle) == State::stalled) stalled = taken();
  }
  if (stalled) log_warn("store_flows_again", {{"store", store_}, {"stalled_s", to_seconds(*stalled)}});
}

std::string StallWatch::why_unavailable() const {
  const std::lock_guard lock(mutex_);
  if (state_ == State::idle || taken() < stall_after_) return "";
  const WallTime since = net::read_wall_clock() - taken();
  return with_word(Refusal::store_stalled, store_ + " has not finished a commit since " + to_rfc3339(since));
}

// Looks twice in the time that is too long, whether anything is under way or not.
void StallWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stall_after_ / 2, [this] { return ending_; })) {
    if (state_ != State::working || taken() < stall_after_) continue;
    state_ = State::stalled;
    const double took_s = to_seconds(taken());
    lock.unlock();  // the log may take its time, and the store's thread must not wait for it
    log_error("store_stalls", {{"store", store_}, {"for_s", took_s}});
    lock.lock();
  }
}

}  // namespace tidegate::jobs
