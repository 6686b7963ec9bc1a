#include "core/worker.h"

#include <algorithm>

namespace tidegate::core {

Worker::Worker(net::Runtime& runtime, Gateway& gateway, int count)
    : runtime_(runtime), gateway_(gateway), count_(count) {
  use(gateway.table());
}

void Worker::use(std::shared_ptr<const RouteTable> table) {
  table_ = std::move(table);
  for (const auto& [name, upstream] : table_->upstreams()) {
    PoolOf& entry = pools_[upstream.get()];
    if (entry.pool) continue;
    const int share = std::max(1, upstream->config().max_connections / count_);
    entry = {upstream, std::make_unique<Pool>(runtime_, *upstream, share)};
  }
  for (const auto& health : table_->rate_stores()) {
    RateStoreOf& entry = rate_stores_[health.get()];
    if (!entry.store) entry = {health, std::make_unique<RateStore>(runtime_, *health)};
  }
}

void Worker::close_idle() {
  for (auto& [upstream, entry] : pools_) entry.pool->close_idle();
}

}  // namespace tidegate::core
