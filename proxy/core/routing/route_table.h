// What a reload replaces: the routes of one configuration, with the policies that each uses. Immutable once built.
//
// A request keeps the table that it began with until its end, and a job run the one in force when it began: they hold
// the shared_ptr, so everything that a RouteState points to lives as long as they need it. The Policies and the metrics
// outlive every table.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/limits/shared_limit.h"
#include "core/routing/policies.h"
#include "jobs/replay/replayer.h"

namespace tidegate::core {

// A route as requests see it. Its policies are shared and thread-safe.
struct RouteState : jobs::JobRoute {
  const config::Listener* listener = nullptr;  // that it belongs to
  const config::Route* config = nullptr;
  Upstream* upstream = nullptr;
  JudgedFailures* judged = nullptr;  // by its breaker; null: it has none
  metrics::RouteMetrics* metrics = nullptr;
  // Where the fallback enqueues, and how jobs are kept there.
  QueueState* queue = nullptr;
  const config::Queue* queue_config = nullptr;
  const config::FallbackEnqueue* enqueue = nullptr;
  const config::FallbackRespond* respond = nullptr;
  // Where replicas share the route's rate limit; null: the limit, if any, is this process's own.
  std::shared_ptr<const SharedLimit> shared_limit;
  RateStoreHealth* rate_store = nullptr;
};

struct ListenerRoutes {
  const config::Listener* config = nullptr;
  std::vector<RouteState> routes;   // in the configuration's order
  std::vector<QueueState*> queues;  // that its routes enqueue to, each once
  std::shared_ptr<http::ConnectionCount> connections;
  std::shared_ptr<net::TlsContext> tls;  // null: plain HTTP
};

class RouteTable {
 public:
  // `policies` finds what the tables before have used, and makes what is missing; it must have every queue of `config`.
  // The table may be used once the policies have committed it.
  static std::shared_ptr<const RouteTable> build(std::shared_ptr<const config::Config> config, Policies& policies);
  class Build;  // the same in steps
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  const config::Config& config() const { return *config_; }
  // By the configuration's index.
  const std::vector<ListenerRoutes>& listeners() const { return listeners_; }
  // Null: no such route.
  const RouteState* find_route(std::string_view name) const;

  // The upstreams' in the order of their names, then the routes' own.
  const std::vector<std::shared_ptr<policy::Breaker>>& breakers() const { return breakers_; }
  const std::vector<std::shared_ptr<policy::Bulkhead>>& bulkheads() const { return bulkheads_; }
  const std::map<std::string, std::shared_ptr<Upstream>>& upstreams() const { return upstreams_; }
  // Those of the configuration; they live as long as the table.
  const std::map<std::string, QueueState*>& queues() const { return queues_; }
  // REQUIRES one of breakers().
  const JudgedFailures& judged_by(const policy::Breaker& breaker) const { return *judged_.at(&breaker); }
  const std::vector<std::shared_ptr<RateStoreHealth>>& rate_stores() const { return rate_stores_; }  // each once
  // For callbacks and references that are https://.
  const net::TlsServer& outgoing_tls() const { return outgoing_tls_; }
  uint64_t rate_key_secret() const { return rate_key_secret_; }

 private:
  class Builder;
  RouteTable() = default;

  std::shared_ptr<const config::Config> config_;
  std::vector<ListenerRoutes> listeners_;
  std::vector<std::shared_ptr<policy::Breaker>> breakers_;
  std::map<const policy::Breaker*, std::shared_ptr<JudgedFailures>> judged_;
  std::vector<std::shared_ptr<policy::Bulkhead>> bulkheads_;
  std::map<std::string, std::shared_ptr<Upstream>> upstreams_;
  std::vector<std::shared_ptr<RateStoreHealth>> rate_stores_;
  std::map<std::string, QueueState*> queues_;
  std::vector<std::shared_ptr<const void>> held_;  // they are open as long as the table exists
  net::TlsServer outgoing_tls_;
  uint64_t rate_key_secret_ = 0;
};

// A table of thousands of routes takes longer than a loop may be stopped: between two steps, the loop does other
// things.
class RouteTable::Build {
 public:
  // As RouteTable::build. The policies outlive it.
  Build(std::shared_ptr<const config::Config> config, Policies& policies);
  ~Build();
  Build(const Build&) = delete;
  Build& operator=(const Build&) = delete;

  // Adds the next upstream or route: microseconds, or a millisecond where TLS files are read for it. False: the table
  // is complete, and this was the last step.
  [[nodiscard]] bool step();
  // REQUIRES that it is complete. Once.
  std::shared_ptr<const RouteTable> take();

 private:
  std::unique_ptr<Builder> builder_;
  bool complete_ = false;
};

// A route of a table, which the pointer keeps alive.
using RoutePtr = std::shared_ptr<const RouteState>;
// Null: no such route.
RoutePtr find_route(const std::shared_ptr<const RouteTable>& table, std::string_view name);

}  // namespace tidegate::core
