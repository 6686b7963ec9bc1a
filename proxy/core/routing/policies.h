// What survives a reload, by name: breakers, bulkheads, retry budgets, rate limiters, the shared state of upstreams and
// of each of their endpoints, the connections of listeners, the health of rate-limit stores, and the queues.
//
//   Config ──┐                                          each table, and each request that holds one,
//            ├──▶ RouteTable::build ──▶ RouteTable      owns the objects that it uses
//   Policies ┘     finds or makes           │
//      ▲                                    ├──▶ commit: it is in force, what differs is changed
//      └────────────────────────────────────┴──▶ roll_back: it was refused, nothing has changed
//
// Two kinds of objects. Those that count (bulkheads, the limits of connections) are found by their name alone, and a
// commit changes their limits: the bound holds over the tables of before too. All others are found where their settings
// are the same too; otherwise a new one is made, which is the one to find from the commit on. Policies remembers,
// tables own: an object that no table uses any more ends with the last request that holds such a table. The queues are
// owned here. Belongs to the thread that builds tables (the main loop); the objects themselves are thread-safe.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "core/buffer_budget.h"
#include "core/limits/rate_store.h"
#include "core/routing/breaker_driver.h"
#include "core/routing/queue_state.h"
#include "core/routing/tls_watch.h"
#include "core/upstream/endpoint_monitor.h"
#include "core/upstream/upstream.h"
#include "http/server/connection_count.h"
#include "metrics/metrics.h"
#include "net/names/name_watcher.h"
#include "policy/admission.h"
#include "policy/breaker.h"
#include "policy/bulkhead.h"
#include "policy/rate_limiter.h"
#include "policy/retry_budget.h"

namespace tidegate::core {

class Policies {
 public:
  using QueueStores = std::map<std::string, std::shared_ptr<jobs::JobQueue>>;
  // Whose policy it is: a route and an upstream may have the same name.
  enum class Owner : uint8_t { upstream, route };

  // `queues`: open, by name; `callbacks`: the callback stores of those that have one. `runtime`: the loop that
  // drives the breakers and looks up the names of upstreams. It and `metrics` outlive the policies and all that they
  // make. `seed`: for keys and jitter.
  Policies(net::Runtime& runtime, metrics::Metrics& metrics, QueueStores queues, QueueStores callbacks, uint64_t seed,
           const config::Limits& limits);
  Policies(const Policies&) = delete;
  Policies& operator=(const Policies&) = delete;
  ~Policies() { *link_ = nullptr; }

  // A table is built from the results of one commit() or roll_back() to the next.
  //
  // What the last table needs changed, is; and only what it has made is found from now on. Breakers that the process
  // before left open are those of the first table.
  void commit(const config::Config& config);
  // The table is not used.
  void roll_back() {
    on_commit_.clear();
    made_.clear();
    replaced_breakers_.clear();
  }

  // Each finds the object, or makes it.
  std::shared_ptr<policy::Breaker> breaker(Owner owner, const std::string& name, const policy::BreakerConfig& config);
  std::shared_ptr<policy::Bulkhead> bulkhead(Owner owner, const std::string& name,
                                             const policy::BulkheadConfig& config);
  std::shared_ptr<policy::RetryBudget> retry_budget(const std::string& upstream,
                                                    const policy::RetryBudgetConfig& config);
  std::shared_ptr<policy::RateLimiter> rate_limiter(const std::string& route, const policy::RateLimitConfig& config);
  std::shared_ptr<Upstream> upstream(const config::Upstream& config);
  // Of an upstream: its state survives as long as its own settings are the same, whatever else of the upstream changes.
  std::shared_ptr<Endpoint> endpoint(const EndpointConfig& config);
  // By its name alone: whatever else changes, what it last did stays true.
  std::shared_ptr<policy::UpstreamHealth> health(const std::string& upstream);
  std::shared_ptr<http::ConnectionCount> connection_count(const config::Listener& listener);
  // Null: the listener has no TLS.
  std::shared_ptr<net::TlsContext> listener_tls(const config::Listener& listener);
  std::shared_ptr<RateStoreHealth> rate_store(const redis::Address& address);
  // For callbacks and references that are https://.
  std::shared_ptr<net::TlsContext> outgoing_tls(const config::Tls& config);
  // Of a breaker with these two, which outlive it.
  std::shared_ptr<JudgedFailures> judged(Owner owner, const std::string& name, const policy::Breaker& breaker,
                                         const Upstream& upstream);

  // The end of the breakers, while the tables still own them: see BreakerDriver::stop.
  void stop_breakers() { driver_.stop(); }

  // Those that are open, also where a reload has removed them from the configuration. Pointers live as long as somebody
  // holds the queue. On the thread that builds tables; others go by RouteTable::queues().
  std::map<std::string, QueueState>& queues() { return queues_; }
  // More of them, as for the constructor. No table in force has them yet.
  void add(QueueStores queues, QueueStores callbacks);
  // Queues that `next` has not take no jobs any more. One that it brings back takes them from the commit on: until then
  // the reload may be refused, and the queue be closed.
  void stop_appends_but_of(const config::Config& next);
  // The reload is refused: the queues of the table in force take jobs, and no others do.
  void take_appends_of(const config::Config& in_force);
  // Who holds the result uses the queue, as every table does that has it. Any thread may let go of it. REQUIRES a name
  // of queues().
  std::shared_ptr<const void> hold(const std::string& queue);
  // Those that take no jobs any more and that nobody uses; a store may still hold some.
  std::vector<std::string> unused_queues() const;
  // `changed` runs, later, when they may have become more.
  void on_unused(std::function<void()> changed) { on_unused_ = std::move(changed); }
  // One of queues(), which it leaves, and no table in force has it: it takes no calls any more. `done` runs once,
  // later, when its stores are closed; they end once nobody holds it.
  void close(const std::string& queue, std::function<void()> done);
  metrics::Metrics& metrics() { return metrics_; }
  BufferBudget& buffers() { return buffers_; }
  // The key under which this process's own rate limiters hash their clients.
  uint64_t rate_key_secret() const { return rate_key_secret_; }

 private:
  template <typename Key, typename Object>
  using Remembered = std::map<Key, std::weak_ptr<Object>>;
  using OwnedName = std::pair<Owner, std::string>;

  template <typename Object, typename IsSame, typename Make>
  std::shared_ptr<Object> find_or_make(std::weak_ptr<Object>& entry, const IsSame& is_same, const Make& make);
  template <typename Object, typename Make, typename Reconfigure>
  std::shared_ptr<Object> find_by_name(std::weak_ptr<Object>& entry, const Make& make, const Reconfigure& reconfigure);
  void set_queue_limits(const config::Config& config);
  void choose_note_stores(const config::Config& config);
  void on_let_go();
  std::shared_ptr<ConnectionLimit> connection_limit(const config::Upstream& config);
  std::shared_ptr<net::TlsContext> client_tls(std::weak_ptr<net::TlsContext>& entry, const char* section,
                                              const std::string& name, const net::TlsClientConfig& config);

  net::Runtime& runtime_;
  metrics::Metrics& metrics_;
  BufferBudget buffers_;
  Random seeds_;
  uint64_t rate_key_secret_;
  std::map<std::string, QueueState> queues_;
  BreakerMemory breaker_memory_;  // in one of the queues
  BreakerDriver driver_;
  net::NameWatcher names_;
  TlsWatch tls_watch_;
  EndpointMonitor monitor_;
  Remembered<OwnedName, policy::Breaker> breakers_;
  Remembered<OwnedName, policy::Bulkhead> bulkheads_;
  Remembered<std::string, policy::RetryBudget> budgets_;
  Remembered<std::string, policy::RateLimiter> limiters_;
  Remembered<std::string, Upstream> upstreams_;
  Remembered<std::pair<std::string, std::string>, Endpoint> endpoints_;  // by upstream and authority
  Remembered<std::string, ConnectionLimit> connection_limits_;
  Remembered<OwnedName, JudgedFailures> judged_;
  Remembered<std::string, policy::UpstreamHealth> healths_;
  Remembered<std::string, http::ConnectionCount> connection_counts_;
  Remembered<std::string, net::TlsContext> listener_tls_;
  Remembered<std::string, net::TlsContext> upstream_tls_;
  std::weak_ptr<net::TlsContext> outgoing_tls_;
  Remembered<std::string, RateStoreHealth> rate_stores_;  // by the address as shown, and compared whole
  std::vector<std::function<void()>> on_commit_;
  std::vector<std::shared_ptr<policy::Breaker>> replaced_breakers_;  // by the next commit
  std::map<const void*, std::shared_ptr<void>> made_;                // by their entry, which they replace on the commit
  struct ClosedQueue {
    std::map<std::string, QueueState>::node_type node;
    int stores_open = 0;
  };
  std::list<ClosedQueue> closed_queues_;
  std::function<void()> on_unused_;
  const std::shared_ptr<Policies*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::core
