#include "net/timer.h"

#include <algorithm>

#include "base/assert.h"
#include "net/runtime.h"

namespace tidegate::net {

std::optional<Time> TimerQueue::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

void TimerQueue::fire_due(Time now) {
  // Timers started from now on wait for the next call, however early their deadline.
  const uint64_t fence = next_sequence_;
  while (!heap_.empty() && heap_.front()->deadline_ <= now) {
    Timer* timer = heap_.front();
    if (timer->sequence_ >= fence) return;
    remove(*timer);
    const auto on_fire = timer->on_fire_;  // the call may destroy the timer
    on_fire();
  }
}

bool TimerQueue::before(const Timer& a, const Timer& b) {
  return a.deadline_ != b.deadline_ ? a.deadline_ < b.deadline_ : a.sequence_ < b.sequence_;
}

void TimerQueue::place(Timer* timer, size_t index) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::insert(Timer& timer) {
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void TimerQueue::remove(Timer& timer) {
  const size_t index = timer.index_;
  TG_ASSERT(index < heap_.size() && heap_[index] == &timer);
  Timer* last = heap_.back();
  heap_.pop_back();
  timer.index_ = Timer::kInactive;
  if (last == &timer) return;
  place(last, index);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::sift_up(size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!before(*timer, *heap_[parent])) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(timer, index);
}

void TimerQueue::sift_down(size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *timer)) break;
    place(heap_[child], index);
    index = child;
  }
  place(timer, index);
}

Timer::Timer(Runtime& runtime, std::function<void()> on_fire) : runtime_(runtime), on_fire_(std::move(on_fire)) {}

void Timer::start_at(Time deadline) {
  stop();
  // Not before now: else a timer that keeps starting itself in the past would go before all that are due.
  deadline_ = std::max(deadline, runtime_.now());
  runtime_.timer_queue().insert(*this);
}

void Timer::start_after(Duration delay) { start_at(runtime_.now() + delay); }

void Timer::stop() {
  if (active()) runtime_.timer_queue().remove(*this);
}

}  // namespace tidegate::net
