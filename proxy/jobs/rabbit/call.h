// One call to the queue: a chain of steps on the caller's event loop, each of them in the record store or with the
// broker. Owned by the RabbitContext until it ends.
//
// A call goes on when its caller drops it, and undoes what nobody waits for: no record, claim or message is left half
// done.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "jobs/rabbit/context.h"
#include "jobs/store_call.h"
#include "net/finished.h"
#include "net/timer.h"

namespace tidegate::jobs {

class RabbitCall : public net::Disposable {
 public:
  // On `home`. The caller gets the handle: destroying it drops the call.
  template <typename Call, typename... Args>
  static OperationPtr start(RabbitContext& context, net::Runtime& home, Args&&... args) {
    return begin(std::make_unique<Call>(context, home, std::forward<Args>(args)...));
  }

 protected:
  RabbitCall(RabbitContext& context, net::Runtime& home)
      : context_(context), home_(home), timer_(home, [this] { on_timer(); }) {}

  virtual void run() = 0;  // the first step, later than start()
  virtual void on_timeout() {}
  virtual void on_dropped() {}  // its callback must not run any more
  // The call is over. Only locals may be used after this.
  void end();

  // The callback of a step: the step's operation lives until it has returned.
  template <typename Next>
  auto then(Next next) {
    return [this, next = std::move(next)](auto&& result) mutable {
      const auto finished = net::finished(step_);
      next(std::forward<decltype(result)>(result));
    };
  }
  // A step with the broker, which succeeds or fails the call that this returns.
  template <typename T, typename Next>
  std::shared_ptr<PendingCall<T>> await(Next next) {
    auto call = std::make_shared<PendingCall<T>>(&home_, then(std::move(next)));
    step_ = std::make_unique<StoreCallHandle>(call);
    return call;
  }

  RabbitContext& context_;
  net::Runtime& home_;
  OperationPtr step_;
  net::Timer timer_;
  bool dropped_ = false;

 private:
  class Handle;
  static OperationPtr begin(std::unique_ptr<RabbitCall> call);
  void on_timer();

  bool running_ = false;
  std::shared_ptr<RabbitCall*> self_ = std::make_shared<RabbitCall*>(this);  // null inside: it has ended
};

}  // namespace tidegate::jobs
