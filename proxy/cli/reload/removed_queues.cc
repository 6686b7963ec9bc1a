#include "cli/reload/removed_queues.h"

#include <utility>

#include "base/log.h"
#include "cli/reload/checks.h"

namespace tidegate::cli {

namespace {

constexpr Duration kLookAgainEvery = 1s;
constexpr Duration kAwaitedMax = 5s;  // a disk may hang; reloads and a takeover go on then

}  // namespace

void close_callbacks(core::QueueState& queue, net::Runtime& runtime, std::function<void()> done) {
  const auto store = std::exchange(queue.callbacks, nullptr);
  store->close(runtime, [store, &runtime, done = std::move(done)] {
    runtime.post([store] {});  // it ends after this
    done();
  });
}

RemovedQueues::RemovedQueues(net::Runtime& runtime, core::Policies& policies, Callbacks callbacks)
    : policies_(policies),
      callbacks_(std::move(callbacks)),
      slow_(runtime, [this] { on_slow(); }),
      again_(runtime, [this] { callbacks_.look_again(); }) {}

bool RemovedQueues::close_unused(std::function<void()> done) {
  awaited_ = find_closable();
  if (awaited_.empty()) return false;
  closing_.insert(awaited_.begin(), awaited_.end());
  done_ = std::move(done);
  unforgotten_ = awaited_.size();
  for (const std::string& name : awaited_) {
    callbacks_.forget(name, [link = link_, name] {
      if (*link) (*link)->on_forgotten(name);
    });
  }
  return true;
}

std::set<std::string> RemovedQueues::find_closable() {
  std::set<std::string> closable, kept;
  for (const std::string& name : policies_.unused_queues()) {
    if (closing_.contains(name)) continue;
    const std::string jobs = jobs_in(name, policies_.queues().at(name));
    if (jobs.empty()) {
      closable.insert(name);
      continue;
    }
    if (!kept_.contains(name)) log_warn("queue_kept_open", {{"queue", name}, {"reason", "it still holds " + jobs}});
    kept.insert(name);
  }
  kept_ = std::move(kept);
  kept_.empty() ? again_.stop() : again_.start_after(kLookAgainEvery);
  return closable;
}

void RemovedQueues::on_forgotten(const std::string& queue) {
  policies_.close(queue, [link = link_, queue] {
    log_info("queue_closed", {{"queue", queue}});
    if (*link) (*link)->on_closed(queue);
  });
  if (--unforgotten_ == 0) slow_.start_after(kAwaitedMax);
}

void RemovedQueues::on_closed(const std::string& queue) {
  closing_.erase(queue);
  callbacks_.closed(queue);
  if (awaited_.erase(queue) > 0 && awaited_.empty()) stop_waiting();
}

void RemovedQueues::on_slow() {
  for (const std::string& name : awaited_) log_warn("queue_closes_slowly", {{"queue", name}});
  stop_waiting();
}

void RemovedQueues::stop_waiting() {
  slow_.stop();
  awaited_.clear();
  std::exchange(done_, nullptr)();
}

}  // namespace tidegate::cli
