// What all workers share: the configuration, the policies, the queues, the metrics; and what one worker has: its
// listeners and its connection pools.
//
//   Gateway (one a process) ──▶ Worker (one a loop) ──▶ ListenerService (one a listener) ──▶ Exchange (one a request)
//        policies, queues            pools, servers           router, jobs endpoint             Plan, Attempt
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/jobs/job_events.h"
#include "core/limits/rate_store.h"
#include "core/upstream/pool.h"
#include "core/upstream/upstream.h"
#include "http/server/server.h"
#include "jobs/job_queue.h"
#include "jobs/replay/replayer.h"
#include "metrics/metrics.h"
#include "policy/plan.h"

namespace tidegate::core {

struct QueueState final : policy::ProbeSource {
  bool wants_probe() const override {
    const jobs::Replayer* working = replayer;
    return working && working->wants_probe();
  }

  std::shared_ptr<jobs::JobQueue> queue;
  metrics::QueueMetrics* metrics = nullptr;
  // Where a route of it has a callback: their own store, and what they are counted on (queue="NAME.callbacks").
  std::shared_ptr<jobs::JobQueue> callbacks;
  metrics::QueueMetrics* callback_metrics = nullptr;
  JobEvents news;                                        // who waits for a job's end
  std::atomic<const jobs::Replayer*> replayer{nullptr};  // while replaying goes on; for the drain rate
};

// The name of a queue's callbacks, in metrics, status and logs.
inline std::string callbacks_name(const std::string& queue) { return queue + ".callbacks"; }

// A route as requests see it. Immutable; the policies in it are shared and thread-safe.
struct RouteState {
  const config::Route* config = nullptr;
  policy::RoutePolicy policy;
  Upstream* upstream = nullptr;
  QueueState* queue = nullptr;  // where the fallback enqueues
  const config::FallbackEnqueue* enqueue = nullptr;
  const config::FallbackRespond* respond = nullptr;
  metrics::RouteMetrics* metrics = nullptr;
  std::shared_ptr<const SharedLimit> shared_limit;  // null: the limit, if any, is this process's own
};

class Gateway {
 public:
  using Queues = std::map<std::string, std::shared_ptr<jobs::JobQueue>>;

  // `queues`: one for each of config.queues, open; `callbacks`: one for each queue that has_callbacks(). `metrics`
  // outlives the gateway. `seed`: for keys and jitter.
  Gateway(std::shared_ptr<const config::Config> config, metrics::Metrics& metrics, Queues queues, Time now,
          uint64_t seed, Queues callbacks = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  const config::Config& config() const { return *config_; }
  metrics::Metrics& metrics() { return metrics_; }

  // By listener index, then route index.
  const std::vector<std::vector<RouteState>>& routes() const { return routes_; }
  const RouteState* find_route(const std::string& name) const;

  const std::vector<std::shared_ptr<policy::Breaker>>& breakers() const { return breakers_; }
  const std::vector<std::shared_ptr<policy::Bulkhead>>& bulkheads() const { return bulkheads_; }
  std::map<std::string, QueueState>& queues() { return queues_; }
  std::map<std::string, std::unique_ptr<Upstream>>& upstreams() { return upstreams_; }
  const std::vector<std::unique_ptr<RateStoreHealth>>& rate_stores() const { return rate_stores_; }

  uint64_t rate_key_secret() const { return rate_key_secret_; }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }
  // Whoever waits for a job's end waits no longer.
  void set_draining() {
    draining_ = true;
    for (auto& [name, queue] : queues_) queue.news.notify_all();
  }

 private:
  std::shared_ptr<policy::Breaker> make_breaker(const std::string& name, const policy::BreakerConfig& config, Time now);
  std::shared_ptr<policy::Bulkhead> make_bulkhead(const std::string& name, const policy::BulkheadConfig& config);
  RouteState make_route(const config::Route& route, Time now);
  size_t rate_store(const redis::Address& address);  // its index, made where it is new

  std::shared_ptr<const config::Config> config_;
  metrics::Metrics& metrics_;
  Random seeds_;
  uint64_t rate_key_secret_;
  std::vector<std::shared_ptr<policy::Breaker>> breakers_;
  std::vector<std::shared_ptr<policy::Bulkhead>> bulkheads_;
  std::map<std::string, std::shared_ptr<policy::Breaker>> upstream_breakers_;
  std::map<std::string, std::shared_ptr<policy::Bulkhead>> upstream_bulkheads_;
  std::map<std::string, std::shared_ptr<policy::RetryBudget>> budgets_;
  std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
  std::map<std::string, QueueState> queues_;
  std::vector<std::unique_ptr<RateStoreHealth>> rate_stores_;
  std::vector<std::vector<RouteState>> routes_;
  std::atomic<bool> draining_{false};
};

class ListenerService;

class Worker {
 public:
  // `count`: how many workers share the limits of connections. Runtime and gateway outlive the worker.
  Worker(net::Runtime& runtime, Gateway& gateway, int count);
  ~Worker();

  // Listens on every configured listener.
  Status listen();
  // The bound address of listener `index` (port 0 in tests).
  SocketAddress address(size_t index) const;
  // Graceful end: see http::Server::drain. `done` runs once, later.
  void drain(std::function<void()> done);

  net::Runtime& runtime() { return runtime_; }
  // For building heads; used within one call only.
  std::string& scratch() { return scratch_; }
  Gateway& gateway() { return gateway_; }
  Pool& pool(const std::string& upstream) { return *pools_.at(upstream); }
  RateStore& rate_store(size_t index) { return *rate_stores_.at(index); }
  size_t connections() const;

 private:
  net::Runtime& runtime_;
  Gateway& gateway_;
  std::map<std::string, std::unique_ptr<Pool>> pools_;
  std::vector<std::unique_ptr<RateStore>> rate_stores_;  // by the gateway's index
  std::vector<std::unique_ptr<ListenerService>> listeners_;
  std::string scratch_;
  size_t draining_left_ = 0;
  std::function<void()> drained_;
};

}  // namespace tidegate::core
