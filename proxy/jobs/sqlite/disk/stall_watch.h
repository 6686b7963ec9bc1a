// Tells that a store hangs on its disk: a commit whose fsync does not return is honest, since nobody gets a 202, but
// mute. The store's thread says when it begins and ends; the watch's own thread looks on and logs.
//
//   idle ──begin──▶ working ──stall_after──▶ stalled
//    ▲                 │                        │
//    └───────end───────┴──────────end───────────┘
//
//   stalled: the log says so once, and why_unavailable() does; at its end the log says how long it was.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"

namespace tidegate::jobs {

class StallWatch {
 public:
  StallWatch(std::string store, Duration stall_after);
  ~StallWatch();

  // The store's thread.
  void begin();
  void end();
  // Any thread: the word store_stalled and since when, if the work under way takes too long; else "".
  std::string why_unavailable() const;

 private:
  enum class State { idle, working, stalled };

  void run();
  Duration taken() const;  // REQUIRES the lock

  const std::string store_;
  const Duration stall_after_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  State state_ = State::idle;
  Time begun_{};
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tidegate::jobs
