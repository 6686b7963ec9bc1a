// Closes the queues that a reload has removed, once no request, table or operator uses them: their threads, files and
// connections end, without a wait on any loop. One that holds jobs, or to which some are being added, stays open until
// it holds none: no job is lost, and added again the queue has them.
//
//   removed ──nobody holds it──▶ its replayer ends ──▶ its stores close ──▶ closed: it may be opened again
//      │ ▲
//      ▼ │ again, a second later
//   it holds jobs
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "core/routing/policies.h"
#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::cli {

// The callback store of a queue that stays, which no table in force needs: the reload that has opened it was refused.
// `done` runs once, later.
void close_callbacks(core::QueueState& queue, net::Runtime& runtime, std::function<void()> done);

class RemovedQueues {
 public:
  struct Callbacks {
    // Ends its replayer: see core::Replaying::forget. `done` is to run later.
    std::function<void(const std::string& queue, std::function<void()> done)> forget;
    std::function<void(const std::string& queue)> closed;
    std::function<void()> look_again;  // close_unused() may find more
  };

  // On the main loop. Both outlive this; what is under way when it ends is silent.
  RemovedQueues(net::Runtime& runtime, core::Policies& policies, Callbacks callbacks);
  ~RemovedQueues() { *link_ = nullptr; }
  RemovedQueues(const RemovedQueues&) = delete;
  RemovedQueues& operator=(const RemovedQueues&) = delete;

  // Closes those that nobody uses. True: there are some, and `done` runs once, later: when they are closed, or if that
  // takes long. REQUIRES that the `done` of before has run, and that no table is built until it does.
  bool close_unused(std::function<void()> done);
  // Their names, also after `done`: a table must not have them, nor their files, until they are closed.
  const std::set<std::string>& closing() const { return closing_; }

 private:
  std::set<std::string> find_closable();
  void on_forgotten(const std::string& queue);
  void on_closed(const std::string& queue);
  void on_slow();
  void stop_waiting();

  core::Policies& policies_;
  const Callbacks callbacks_;
  std::set<std::string> kept_;     // as they hold jobs
  std::set<std::string> closing_;  // all
  std::set<std::string> awaited_;  // of these: by `done_`
  size_t unforgotten_ = 0;         // of these: they are in the policies still, where a takeover would find them
  std::function<void()> done_;
  net::Timer slow_;
  net::Timer again_;
  const std::shared_ptr<RemovedQueues*> link_ = std::make_shared<RemovedQueues*>(this);  // null once this has ended
};

}  // namespace tidegate::cli
