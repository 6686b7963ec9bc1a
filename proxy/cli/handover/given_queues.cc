#include "cli/handover/given_queues.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

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
  for (const Given& given : queues()) {
    const jobs::QueueView view = given.queue->view();
    const uint64_t held = std::accumulate(view.depth.begin(), view.depth.end(), uint64_t{0});
    if (given.callbacks || (held == 0 && view.available)) continue;
    const auto& configured = gateway_.table()->config().queues;
    const auto here = configured.find(given.name);
    const auto there = std::find_if(prepared.queues.begin(), prepared.queues.end(),
                                    [&](const PreparedQueue& queue) { return queue.name == given.name; });
    if (there == prepared.queues.end()) {
      return fmt::format("queues.{}: cannot be removed: it holds {} jobs", given.name, held);
    }
    if (here != configured.end() && there->store != store_of(here->second)) {
      return fmt::format("queues.{}: cannot be in another store: it holds {} jobs", given.name, held);
    }
  }
  return "";
}

// Also those that a reload has removed: they are open, and may come back.
std::vector<GivenQueues::Given> GivenQueues::queues() const {
  std::vector<Given> all;
  for (auto& [name, state] : gateway_.policies().queues()) {
    for (const auto& store : {state.queue, state.callbacks}) {
      if (!store) continue;
      auto* const queue = dynamic_cast<jobs::HandoverQueue*>(store.get());
      TG_ASSERT(queue);  // open_queues() makes all of them so
      all.push_back({name, store == state.callbacks, queue});
    }
  }
  return all;
}

void GivenQueues::hold(std::function<void()> idle) {
  ++holds_;
  held_ = queues();
  closed_.clear();
  left_ = held_.size();
  if (left_ == 0) return runtime_.post(std::move(idle));
  for (const Given& given : held_) {
    given.queue->hold(runtime_, [this, alive = alive_, hold = holds_, idle] {
      if (*alive && hold == holds_ && closed_.empty() && left_ > 0 && --left_ == 0) idle();
    });
  }
}

void GivenQueues::close(std::function<void()> closed) {
  closed_ = held_;
  left_ = closed_.size();
  if (left_ == 0) return runtime_.post(std::move(closed));
  for (const Given& given : closed_) {
    given.queue->close_store(runtime_, [this, alive = alive_, closed] {
      if (*alive && --left_ == 0) closed();
    });
  }
}

void GivenQueues::give_away(const std::shared_ptr<jobs::RemoteCalls>& calls) {
  for (const Given& given : held_) given.queue->give_away(calls);
}

bool GivenQueues::take_back() {
  if (closed_.empty()) {
    for (const Given& given : held_) given.queue->take_back();
  } else {
    std::erase_if(closed_, [this](const Given& given) { return reopen(given); });
    if (!closed_.empty()) return false;
  }
  held_.clear();
  left_ = 0;
  return true;
}

// True: it is.
bool GivenQueues::reopen(const Given& given) {
  const Status opened = given.queue->reopen();
  if (!opened) why_not_back_ = opened.error().message;
  return opened.ok();
}

std::string GivenQueues::refuse_calls() {
  const std::string reason = closing() ? "it does not close" : why_not_back_;
  const std::string shown = "not back after a takeover that failed: " + reason;
  const auto nobody = std::make_shared<jobs::RemoteCalls>(runtime_, [](const net::Message&) {});
  nobody->end(shown);
  for (const Given& given : closed_) given.queue->refuse_calls(nobody, shown);
  return reason;
}

}  // namespace tidegate::cli
