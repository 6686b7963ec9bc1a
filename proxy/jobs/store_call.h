// One call to a store that lives on a thread of its own: made on a loop, run on the store's thread, completed on
// the loop.
//
//   loop:   make ──▶ submit                                      ┌──▶ done(result)
//   store:            └──▶ run ──▶ (commit) ──▶ complete ── post ┤
//   loop, whose handle is gone by then:                          └──▶ on_abandoned(result)
//
// The handle may be destroyed at any time on its loop; from then on its Runtime is not touched any more.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "net/runtime.h"

namespace tidegate::jobs {

class StoreCall {
 public:
  virtual ~StoreCall() = default;

  // Store's thread.
  virtual void fail(Error error) = 0;

  // Any thread. Sends the result home, or to on_abandoned where nobody waits for it.
  static void complete(const std::shared_ptr<StoreCall>& call) {
    const std::lock_guard lock(call->mutex_);
    if (!call->home_) return call->abandon();
    call->home_->post([call] { call->deliver(); });
  }

  // The caller has let go of it.
  bool dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 protected:
  // home == null: nobody waits from the beginning.
  explicit StoreCall(net::Runtime* home) : home_(home) {}
  virtual void deliver() = 0;  // on the loop
  virtual void abandon() = 0;  // any thread; nobody waits
  virtual void silence() = 0;  // on the loop: frees the callback there

 private:
  friend class StoreCallHandle;
  void drop() {
    silence();
    const std::lock_guard lock(mutex_);
    home_ = nullptr;
    dropped_ = true;
  }

  std::mutex mutex_;
  net::Runtime* home_;
  bool dropped_ = false;
};

// What the caller holds.
class StoreCallHandle final : public net::Operation {
 public:
  explicit StoreCallHandle(std::shared_ptr<StoreCall> call) : call_(std::move(call)) {}
  ~StoreCallHandle() override { call_->drop(); }

 private:
  std::shared_ptr<StoreCall> call_;
};

// A call whose result is a T.
template <typename T>
class PendingCall : public StoreCall {
 public:
  using Done = std::function<void(Result<T>)>;

  PendingCall(net::Runtime* home, Done done) : StoreCall(home), done_(std::move(done)) {}

  std::function<void(T&)> on_abandoned;                  // a success that nobody waits for any more
  std::function<void(const Error&)> on_abandoned_error;  // likewise a failure, which may have been a success in doubt

  // Store's thread; kept until complete().
  void set(Result<T> result) { result_.emplace(std::move(result)); }
  void fail(Error error) override { result_.emplace(std::move(error)); }

 private:
  void deliver() override {
    const auto done = std::exchange(done_, nullptr);
    if (!done) return abandon();
    done(std::move(*result_));
  }
  void abandon() override {
    if (!result_) return;
    if (!result_->ok()) {
      if (on_abandoned_error) on_abandoned_error(result_->error());
    } else if (on_abandoned) {
      on_abandoned(**result_);
    }
  }
  void silence() override { done_ = nullptr; }

  Done done_;  // the loop's alone
  std::optional<Result<T>> result_;
};

}  // namespace tidegate::jobs
