#include "core/worker.h"

namespace tidegate::core {

Worker::Worker(net::Runtime& runtime, Gateway& gateway)
    : runtime_(runtime), gateway_(gateway), table_(gateway.table()) {
  for (const auto& [name, upstream] : table_->upstreams()) {
    pools_[upstream.get()] = std::make_unique<Pool>(runtime_, *upstream);
  }
  for (const auto& health : table_->rate_stores()) {
    rate_stores_[health.get()] = std::make_unique<RateStore>(runtime_, *health);
  }
}

void Worker::close_idle() {
  for (auto& [upstream, pool] : pools_) pool->close_idle();
}

}  // namespace tidegate::core
