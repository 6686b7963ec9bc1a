// The shell of the thread that a store lives on: its start, its end, and what other threads may see of it.
//
//            close(), stop()                 run() has returned
//   open ──────────────────────▶ closing ──────────────────────▶ ended
//   new calls are taken          new calls are refused; those    every callback of close() is posted
//                                taken before are finished
//
// A store derives from it: its constructor ends with start(), its destructor begins with stop(), so that the thread
// runs only while all members exist. Every function without a remark may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "jobs/job_queue.h"
#include "jobs/store_call.h"
#include "jobs/work_listener.h"

namespace tidegate::jobs {

class StoreThread {
 public:
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  // The last view that the store has published; unavailable while closing.
  QueueView view() const;
  // Why new calls are refused; "" = they are taken.
  std::string unavailable_reason() const;
  // See JobQueue::on_work.
  void on_work(net::Runtime& home, std::function<void()> changed) { listener_->set(home, std::move(changed)); }
  // Finishes what was taken and ends the thread. `done` runs on `home` after that.
  void close(net::Runtime& home, std::function<void()> done);
  // As close(), and waits for the end. Not from the thread itself.
  void stop();

 protected:
  enum class Phase { open, closing, ended };

  StoreThread() = default;
  virtual ~StoreThread();  // REQUIRES stop()

  void start();
  // The thread's life: returns once it is closing and all that was taken is finished.
  virtual void run() = 0;
  // Closing has begun, once: wakes the thread. Called with the lock held.
  virtual void on_closing() = 0;
  // On the thread, which takes nothing more: refuses what was submitted after run() looked last.
  virtual void on_ended() {}

  // Why a call is not taken where `pending` others are; "" = it is. REQUIRES the lock.
  std::string refusal(size_t pending, size_t pending_max) const;
  static void refuse(const std::shared_ptr<StoreCall>& call, std::string reason);

  void publish(QueueView view);
  void publish_unavailable(std::string reason);
  // A claim may find more than before.
  void announce_work() { listener_->tell(); }

  // Guards the state below, and what a derived class says.
  mutable std::mutex mutex_;
  Phase phase_ = Phase::open;
  QueueView view_;

 private:
  void begin_closing();
  void live();

  const std::shared_ptr<WorkListener> listener_ = std::make_shared<WorkListener>();
  std::vector<std::pair<net::Runtime*, std::function<void()>>> closers_;
  std::thread thread_;
};

}  // namespace tidegate::jobs
