#include "cli/handover/given_queues.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "cli/reload/checks.h"

namespace tidegate::cli {

namespace {

struct ShownUrl {
  std::string operator()(const config::SqliteUrl& url) const { return "sqlite://" + url.path; }
  std::string operator()(const redis::Address& address) const { return address.shown(); }
  std::string operator()(const config::AmqpUrl& url) const { return url.shown(); }
};

}  // namespace

std::string store_of(const config::Queue& queue) {
  std::string store = std::visit(ShownUrl(), queue.url);
  if (queue.results_url) store += " " + std::visit(ShownUrl(), *queue.results_url);
  const bool spooled = !std::holds_alternative<config::SqliteUrl>(queue.url);
  return spooled ? store + " " + queue.spool_path : store;
}

std::string GivenQueues::refusal(const Prepared& prepared) const {
  const auto& configured = gateway_.table()->config().queues;
  for (const auto& [name, state] : gateway_.policies().queues()) {
    const std::string jobs = jobs_held(name, state);
    if (jobs.empty()) continue;
    const auto here = configured.find(name);
    if (here == configured.end()) {
      return fmt::format(
          "queues.{}: a reload has removed it, and it still holds {}: add it again, or let it drain first", name, jobs);
    }
    const auto there = std::find_if(prepared.queues.begin(), prepared.queues.end(),
                                    [&](const PreparedQueue& queue) { return queue.name == here->first; });
    if (there == prepared.queues.end()) {
      return fmt::format(
          "queues.{}: the new configuration has no such queue, which holds {}: add it, or let it drain first", name,
          jobs);
    }
    if (const std::string store = store_of(here->second); there->store != store) {
      return fmt::format(
          "queues.{}: the new configuration has it in another store ({} instead of {}), and it holds {}: "
          "keep the store, or let it drain first",
          name, there->store, store, jobs);
    }
  }
  return "";
}

// Also those that a reload has removed: they are open as long as somebody uses them, or they hold jobs.
std::vector<jobs::HandoverQueue*> GivenQueues::queues() const {
  std::vector<jobs::HandoverQueue*> all;
  for (auto& [name, state] : gateway_.policies().queues()) {
    for (const auto& store : {state.queue, state.callbacks}) {
      if (!store) continue;
      auto* const queue = dynamic_cast<jobs::HandoverQueue*>(store.get());
      TG_ASSERT(queue);  // open_queues() makes all of them so
      all.push_back(queue);
    }
  }
  return all;
}

// Each of the queues runs it once, and so does a post to the loop, as there may be none: the last of them runs `done`.
std::function<void()> GivenQueues::await_all(size_t queues, std::function<void()> done) {
  left_ = queues + 1;
  return [this, alive = alive_, wait = ++waits_, done = std::move(done)] {
    if (*alive && wait == waits_ && --left_ == 0) done();
  };
}

void GivenQueues::hold(std::function<void()> idle) {
  held_ = queues();
  closed_.clear();
  const auto one_idle = await_all(held_.size(), std::move(idle));
  for (jobs::HandoverQueue* queue : held_) queue->hold(runtime_, one_idle);
  runtime_.post(one_idle);
}

void GivenQueues::close(std::function<void()> closed) {
  closed_ = held_;
  const auto one_closed = await_all(closed_.size(), std::move(closed));
  for (jobs::HandoverQueue* queue : closed_) queue->close_store(runtime_, one_closed);
  runtime_.post(one_closed);
}

void GivenQueues::give_away(const std::shared_ptr<jobs::RemoteCalls>& calls) {
  for (jobs::HandoverQueue* queue : held_) queue->give_away(calls);
}

bool GivenQueues::take_back() {
  ++waits_;
  if (closed_.empty()) {
    for (jobs::HandoverQueue* queue : held_) queue->take_back();
  } else {
    std::erase_if(closed_, [this](jobs::HandoverQueue* queue) { return reopen(*queue); });
    if (!closed_.empty()) return false;
  }
  held_.clear();
  left_ = 0;
  return true;
}

// True: it is.
bool GivenQueues::reopen(jobs::HandoverQueue& queue) {
  const Status opened = queue.reopen();
  if (!opened) why_not_back_ = opened.error().message;
  return opened.ok();
}

std::string GivenQueues::refuse_calls() {
  const std::string reason = closing() ? "it does not close" : why_not_back_;
  const std::string shown = "not back after a takeover that failed: " + reason;
  for (jobs::HandoverQueue* queue : closed_) queue->refuse_calls(runtime_, shown);
  return reason;
}

}  // namespace tidegate::cli
