// What all workers of a process share: the policies and queues, the route table in force, the metrics, and how far
// the process is in its end.
//
//   Gateway (one a process) ──▶ Worker (one a loop) ──▶ ListenerService (one a listener) ──▶ Exchange (one a request)
//     Policies, RouteTable        pools, table in force    server, routing                      its table, a Plan
#pragma once

#include <atomic>
#include <memory>

#include "config/config.h"
#include "core/routing/policies.h"
#include "core/routing/route_table.h"
#include "metrics/metrics.h"

namespace tidegate::core {

class Gateway {
 public:
  using QueueStores = Policies::QueueStores;

  // `runtime`: the main loop, which drives and announces the breakers. `queues`: one for each of config.queues, open;
  // `callbacks`: one for each queue that has them. Runtime and `metrics` outlive the gateway. `seed`: for keys and
  // jitter.
  Gateway(net::Runtime& runtime, std::shared_ptr<const config::Config> config, metrics::Metrics& metrics,
          QueueStores queues, uint64_t seed, QueueStores callbacks = {})
      : metrics_(metrics),
        policies_(runtime, metrics, std::move(queues), std::move(callbacks), seed, config->limits),
        table_(RouteTable::build(std::move(config), policies_)) {
    policies_.commit(table_->config());
  }
  // The table owns the breakers, and goes before the policies: what they have queued is announced before that.
  ~Gateway() { policies_.stop_breakers(); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  metrics::Metrics& metrics() { return metrics_; }
  Policies& policies() { return policies_; }
  // For what begins now. Workers have their own (Worker::table), which they are given.
  const std::shared_ptr<const RouteTable>& table() const { return table_; }
  // A reload: from now on this table is in force, which was built from policies(). Then the workers use it.
  void use(std::shared_ptr<const RouteTable> table) {
    policies_.commit(table->config());
    table_ = std::move(table);
  }

  //   serving ──set_lame_duck──▶ lame_duck ──set_draining──▶ draining
  //      └────────────────────set_draining──────────────────────▲
  enum class Phase : uint8_t { serving, lame_duck, draining };

  // The process ends: it is not ready, whether it still accepts connections or not.
  bool stopping() const { return phase() != Phase::serving; }
  bool draining() const { return phase() == Phase::draining; }
  void set_lame_duck() { phase_ = Phase::lame_duck; }
  // Ends every wait for a job's end.
  void set_draining() {
    phase_ = Phase::draining;
    for (auto& [name, queue] : policies_.queues()) queue.events.notify_all();
  }

 private:
  Phase phase() const { return phase_.load(std::memory_order_relaxed); }

  metrics::Metrics& metrics_;
  Policies policies_;
  std::shared_ptr<const RouteTable> table_;
  std::atomic<Phase> phase_{Phase::serving};
};

}  // namespace tidegate::core
