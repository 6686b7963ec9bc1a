// A reply that another thread owes to an operation of a loop.
//
//   pending ──send (any thread)──▶ posted to the loop ──▶ delivered: the callback runs
//      └── the operation is destroyed ──┴──▶ dropped: silence
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "net/runtime.h"

namespace tidegate::net {

// What the thread that replies holds, weakly: an expired one means that nobody waits any more.
template <typename T>
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // On any thread; of several, the first reply counts.
  virtual void send(const T& reply) = 0;
};

template <typename T>
class PendingReply final : public Operation {
 public:
  class Slot final : public ReplySink<T>, public std::enable_shared_from_this<Slot> {
   public:
    Slot(Runtime& runtime, std::function<void(T)> done) : runtime_(&runtime), done_(std::move(done)) {}

    void send(const T& reply) override {
      const std::lock_guard lock(mutex_);
      if (runtime_) runtime_->post([slot = this->shared_from_this(), reply] { slot->deliver(reply); });
    }

   private:
    friend class PendingReply;
    // Both on the loop.
    void deliver(const T& reply) {
      if (const auto done = std::exchange(done_, nullptr)) done(reply);
    }
    void drop() {
      done_ = nullptr;
      const std::lock_guard lock(mutex_);
      runtime_ = nullptr;
    }

    std::mutex mutex_;
    Runtime* runtime_;             // null: dropped. It outlives the operation, not the slot
    std::function<void(T)> done_;  // the loop's
  };

  // The callback runs later, once, on the runtime's loop; it may destroy the operation.
  PendingReply(Runtime& runtime, std::function<void(T)> done)
      : slot_(std::make_shared<Slot>(runtime, std::move(done))) {}
  ~PendingReply() override { slot_->drop(); }

  const std::shared_ptr<Slot>& slot() const { return slot_; }

 private:
  std::shared_ptr<Slot> slot_;
};

}  // namespace tidegate::net
