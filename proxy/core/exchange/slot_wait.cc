#include "core/exchange/slot_wait.h"

#include <utility>

#include "net/runtime.h"

namespace tidegate::core {

std::unique_ptr<SlotWait> SlotWait::join(net::Runtime& runtime, policy::Bulkhead& bulkhead, Time until, Done done) {
  std::unique_ptr<SlotWait> wait(new SlotWait(runtime, std::move(done)));
  if (!bulkhead.wait(*wait)) return nullptr;
  wait->timer_.start_at(until);
  return wait;
}

SlotWait::SlotWait(net::Runtime& runtime, Done done)
    : runtime_(runtime),
      done_(std::move(done)),
      link_(std::make_shared<SlotWait*>(this)),
      // A slot that was granted in this very event-loop iteration is taken rather than given back.
      timer_(runtime, [this] { finish(take()); }) {}

SlotWait::~SlotWait() {
  leave();
  *link_ = nullptr;
}

void SlotWait::granted() {
  runtime_.post([link = link_] {
    if (*link) (*link)->on_granted();
  });
}

void SlotWait::on_granted() {
  if (auto slot = take()) finish(std::move(slot));
}

void SlotWait::finish(std::optional<policy::Slot> slot) {
  timer_.stop();
  leave();
  const Done done = std::move(done_);
  done(std::move(slot));  // may destroy this
}

}  // namespace tidegate::core
