// Closes the queues that a reload has removed, once no request, table or operator uses them: their threads, files and
// connections end, without a wait on any loop. A removed queue holds no job, and takes none.
//
//   removed ──nobody holds it──▶ its replayer ends ──▶ its stores close ──▶ closed: it may be opened again
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/worker_thread.h"
#include "core/gateway.h"
#include "net/runtime.h"

namespace tidegate::cli {

// The callback store of a queue that stays, which no table in force needs: the reload that has opened it was refused.
// `done` runs once, later.
void close_callbacks(core::QueueState& queue, net::Runtime& runtime, std::function<void()> done);

class RemovedQueues {
 public:
  using Workers = std::vector<std::unique_ptr<WorkerThread>>;

  // On the main loop. All outlive this; what is under way when it ends is silent.
  RemovedQueues(net::Runtime& runtime, core::Gateway& gateway, Workers& workers)
      : runtime_(runtime), gateway_(gateway), workers_(workers) {}
  ~RemovedQueues() { *link_ = nullptr; }
  RemovedQueues(const RemovedQueues&) = delete;
  RemovedQueues& operator=(const RemovedQueues&) = delete;

  // Closes those that nobody uses, and returns their names; where there are some, `done` runs once, later. REQUIRES
  // that the `done` of before has run, and that no table is built until it does.
  std::vector<std::string> close_unused(std::function<void()> done);

 private:
  void on_forgotten(const std::string& queue);
  void on_closed();

  net::Runtime& runtime_;
  core::Gateway& gateway_;
  Workers& workers_;
  size_t left_ = 0;
  std::function<void()> done_;
  const std::shared_ptr<RemovedQueues*> link_ = std::make_shared<RemovedQueues*>(this);  // null once this has ended
};

}  // namespace tidegate::cli
