#include "jobs/handover/held_calls.h"

#include <utility>

#include "net/timer.h"

namespace tidegate::jobs {

// Its loop alone uses it, but for the list that it is in.
struct HeldCalls::Call {
  Call(net::Runtime& loop, std::function<OperationPtr()> begin, std::function<OperationPtr()> fail)
      : home(loop), start(std::move(begin)), refuse(std::move(fail)), timer(loop, [this] { begin_by(refuse); }) {
    timer.start_after(kHeldMax);
  }

  void begin_by(std::function<OperationPtr()>& how) {
    if (!start) return;
    const auto begin = std::move(how);
    end_waiting();
    operation = begin();
  }
  void end_waiting() {
    timer.stop();
    start = refuse = nullptr;
  }

  net::Runtime& home;
  std::function<OperationPtr()> start;  // empty: it waits no more
  std::function<OperationPtr()> refuse;
  net::Timer timer;
  OperationPtr operation = nullptr;
};

class HeldCalls::Handle final : public net::Operation {
 public:
  Handle(HeldCalls& calls, std::shared_ptr<Call> call) : calls_(calls), call_(std::move(call)) {}
  ~Handle() override {
    {
      const std::lock_guard lock(calls_.mutex_);
      calls_.waiting_.remove(call_);
    }
    call_->end_waiting();
    call_->operation.reset();
  }

 private:
  HeldCalls& calls_;
  const std::shared_ptr<Call> call_;
};

OperationPtr HeldCalls::hold(net::Runtime& home, std::function<OperationPtr()> start,
                             std::function<OperationPtr()> refuse) {
  auto call = std::make_shared<Call>(home, std::move(start), std::move(refuse));
  const std::lock_guard lock(mutex_);
  waiting_.push_back(call);
  return std::make_unique<Handle>(*this, std::move(call));
}

// Each begins on its own loop, which may have let go of it by then.
void HeldCalls::release() {
  const std::lock_guard lock(mutex_);
  for (auto& call : std::exchange(waiting_, {})) {
    call->home.post([call] { call->begin_by(call->start); });
  }
}

}  // namespace tidegate::jobs
