// A wake-up that any thread gives to an object of one loop.
//
//   WakeUp::caller()() on any thread ──▶ posted, once until it is taken ──▶ on_wake runs on the loop
//                                            └── the WakeUp has ended ──▶ silence
#pragma once

#include <functional>
#include <memory>

#include "net/runtime.h"

namespace tidegate::net {

class WakeUp {
 public:
  // A member of the object that `on_wake` is for, on the runtime's loop. The runtime outlives every caller.
  WakeUp(Runtime& runtime, std::function<void()> on_wake);
  ~WakeUp() { stop(); }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  // What other threads hold, also after the WakeUp has ended; it only posts.
  std::function<void()> caller() const;
  // From now on, silence.
  void stop();

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace tidegate::net
