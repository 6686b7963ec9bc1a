// A request's wait in a bulkhead's queue, with its time limit, on the request's own loop.
//
//   waiting ──slot granted (any thread)──▶ done with the slot
//      └── the time is over ──▶ done without one
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "net/timer.h"
#include "policy/bulkhead.h"

namespace tidegate::core {

// Destroying it leaves the queue.
class SlotWait final : private policy::SlotWaiter {
 public:
  using Done = std::function<void(std::optional<policy::Slot>)>;

  // `done` runs once, later; it may destroy the wait. Null: the queue is full. Runtime and bulkhead outlive the wait.
  static std::unique_ptr<SlotWait> join(net::Runtime& runtime, policy::Bulkhead& bulkhead, Time until, Done done);
  ~SlotWait() override;

 private:
  SlotWait(net::Runtime& runtime, Done done);
  void granted() override;
  void on_granted();
  void finish(std::optional<policy::Slot> slot);

  net::Runtime& runtime_;
  Done done_;
  std::shared_ptr<SlotWait*> link_;  // null inside once this has ended; read on the loop alone
  net::Timer timer_;
};

}  // namespace tidegate::core
