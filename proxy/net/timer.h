// Timers: a Timer is a member of its owner; a TimerQueue is the heap of one Runtime that they register in. The queue
// has no clock: the runtime queries the next deadline and passes the time. The uv and the simulated
// runtime share it.
//
//   Timer deadline_{runtime, [this] { on_deadline(); }};
//   deadline_.start_after(30s);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"

namespace tidegate::net {

class Runtime;
class Timer;

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  std::optional<Time> next_deadline() const;

  // Fires every timer due at `now`, earliest first, equal deadlines in the order they were started. A timer that is
  // started during the call for a time already due fires in the next call: no livelock.
  void fire_due(Time now);

  size_t size() const { return heap_.size(); }

 private:
  friend class Timer;

  void insert(Timer& timer);
  void remove(Timer& timer);
  void sift_up(size_t index);
  void sift_down(size_t index);
  void place(Timer* timer, size_t index);
  static bool before(const Timer& a, const Timer& b);

  std::vector<Timer*> heap_;  // binary heap by (deadline, sequence); a timer knows its index
  uint64_t next_sequence_ = 0;
};

// One-shot. Not movable: the queue points at it. Destroying or stopping it guarantees silence.
class Timer {
 public:
  Timer(Runtime& runtime, std::function<void()> on_fire);
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // (Re)starts it. A deadline in the past counts as now: it fires in the next event-loop iteration, after what is due
  // already.
  void start_at(Time deadline);
  void start_after(Duration delay);
  void stop();

  bool active() const { return index_ != kInactive; }
  Time deadline() const { return deadline_; }  // REQUIRES active()

 private:
  friend class TimerQueue;
  static constexpr size_t kInactive = static_cast<size_t>(-1);

  Runtime& runtime_;
  std::function<void()> on_fire_;
  Time deadline_{};
  uint64_t sequence_ = 0;
  size_t index_ = kInactive;
};

}  // namespace tidegate::net
