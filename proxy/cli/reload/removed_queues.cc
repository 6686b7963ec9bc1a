#include "cli/reload/removed_queues.h"

#include <utility>

#include "base/log.h"

namespace tidegate::cli {

void close_callbacks(core::QueueState& queue, net::Runtime& runtime, std::function<void()> done) {
  const auto store = std::exchange(queue.callbacks, nullptr);
  store->close(runtime, [store, &runtime, done = std::move(done)] {
    runtime.post([store] {});  // it ends after this
    done();
  });
}

std::vector<std::string> RemovedQueues::close_unused(std::function<void()> done) {
  std::vector<std::string> unused = gateway_.policies().unused_queues();
  if (unused.empty()) return unused;
  done_ = std::move(done);
  left_ = unused.size();
  for (const std::string& name : unused) {
    workers_.front()->forget_queue(name, runtime_, [link = link_, name] {
      if (*link) (*link)->on_forgotten(name);
    });
  }
  return unused;
}

void RemovedQueues::on_forgotten(const std::string& queue) {
  gateway_.policies().close(queue, [link = link_, queue] {
    log_info("queue_closed", {{"queue", queue}});
    if (*link) (*link)->on_closed();
  });
}

void RemovedQueues::on_closed() {
  if (--left_ == 0) std::exchange(done_, nullptr)();
}

}  // namespace tidegate::cli
