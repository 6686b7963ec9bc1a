#include "policy/sliding_window.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "policy/keys/key_table.h"

namespace tidegate::policy {

namespace {

// When calls were admitted, oldest first: a ring that doubles up to the bound.
struct Log {
  std::vector<Time> ring;
  uint32_t first = 0;
  uint32_t size = 0;

  Time at(uint32_t i) const { return ring[(first + i) % ring.size()]; }
  void drop_oldest() {
    first = static_cast<uint32_t>((first + 1) % ring.size());
    --size;
  }
  void add(Time now, uint32_t size_max) {
    if (size == size_max) drop_oldest();
    if (size == ring.size()) grow(size_max);
    ring[(first + size) % ring.size()] = now;
    ++size;
  }

 private:
  void grow(uint32_t size_max) {
    std::rotate(ring.begin(), ring.begin() + first, ring.end());
    first = 0;
    ring.resize(std::min<size_t>(size_max, std::max<size_t>(4, ring.size() * 2)));
  }
};

}  // namespace

class SlidingWindow::Logs {
 public:
  Logs(uint32_t count, Duration window, Duration idle_ttl, uint64_t max_keys)
      : count_(count), window_(window), idle_ttl_(idle_ttl), shards_(max_keys) {}

  // Calls `use` with the key's log, without what has left the window, and the time, never before the log's newest call:
  // what runs behind counts as now.
  template <typename Use>
  auto with(const RateKey& key, Time now, Use use) {
    auto& shard = shards_.of(key);
    const std::lock_guard lock(shard.mutex);
    shard.table.forget(now - idle_ttl_, 2);
    Keyed<Log>& log = shard.table.use(key, Log(), now);
    now = std::max(now, log.last);
    while (log.size > 0 && log.at(0) <= now - window_) log.drop_oldest();
    return use(log, now);
  }
  void add(Keyed<Log>& log, Time now, uint32_t calls) {
    for (; calls > 0; --calls) log.add(now, count_);
    log.last = now;
  }
  // The number of calls in a cost; more than the whole limit makes no difference.
  uint32_t calls(double cost) const {
    return static_cast<uint32_t>(std::min(std::ceil(cost), static_cast<double>(count_) + 1));
  }
  uint32_t count() const { return count_; }
  Duration window() const { return window_; }
  size_t tracked() const { return shards_.size(); }

 private:
  const uint32_t count_;
  const Duration window_;
  const Duration idle_ttl_;
  KeyShards<Log> shards_;
};

SlidingWindow::SlidingWindow(uint32_t count, Duration window, Duration idle_ttl, uint64_t max_keys)
    : logs_(std::make_unique<Logs>(count, window, idle_ttl, max_keys)) {}
SlidingWindow::~SlidingWindow() = default;

RateDecision SlidingWindow::check(const RateKey& key, Time now, double cost) {
  const uint32_t calls = logs_->calls(cost);
  return logs_->with(key, now, [&](Keyed<Log>& log, Time at) {
    RateDecision decision;
    decision.allowed = calls <= logs_->count() && log.size <= logs_->count() - calls;
    if (decision.allowed) logs_->add(log, at, calls);
    // The call whose leaving makes room, where there is one.
    const uint32_t in_the_way = log.size + std::min(calls, logs_->count()) - logs_->count();
    if (!decision.allowed)
      decision.retry_after = calls > logs_->count() ? logs_->window() : log.at(in_the_way - 1) + logs_->window() - at;
    decision.remaining = logs_->count() - log.size;
    if (log.size > 0) decision.reset_after = log.last + logs_->window() - at;
    return decision;
  });
}

void SlidingWindow::record(const RateKey& key, Time now, double cost) {
  logs_->with(key, now,
              [&](Keyed<Log>& log, Time at) { logs_->add(log, at, std::min(logs_->calls(cost), logs_->count())); });
}

size_t SlidingWindow::tracked() const { return logs_->tracked(); }

}  // namespace tidegate::policy
