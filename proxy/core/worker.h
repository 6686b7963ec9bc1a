// What one event loop has for requests and job runs: the route table in force, and its own connections to upstreams and
// rate-limit stores. Belongs to its loop's thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/gateway.h"
#include "core/limits/rate_store.h"
#include "core/upstream/pool.h"
#include "net/runtime.h"

namespace tidegate::core {

class Worker {
 public:
  // `count`: how many workers share the upstreams' max_connections. Runtime and gateway outlive the worker. Uses the
  // gateway's table.
  Worker(net::Runtime& runtime, Gateway& gateway, int count);

  // What begins from now on goes by `table`; what has begun keeps the one it has. A table has the same listeners as the
  // one before.
  void use(std::shared_ptr<const RouteTable> table);
  // The table in force.
  const std::shared_ptr<const RouteTable>& table() const { return table_; }

  net::Runtime& runtime() { return runtime_; }
  Gateway& gateway() { return gateway_; }
  // REQUIRES an upstream, a store, of a table that the worker has been given.
  Pool& pool(const Upstream& upstream) { return *pools_.at(&upstream).pool; }
  RateStore& rate_store(const RateStoreHealth& store) { return *rate_stores_.at(&store).store; }
  // For building message headers; used within one call only.
  std::string& scratch() { return scratch_; }
  // Closes the connections to upstreams that nobody uses.
  void close_idle();

 private:
  struct PoolOf {
    std::shared_ptr<Upstream> upstream;
    std::unique_ptr<Pool> pool;
  };
  struct RateStoreOf {
    std::shared_ptr<RateStoreHealth> health;
    std::unique_ptr<RateStore> store;
  };

  net::Runtime& runtime_;
  Gateway& gateway_;
  const int count_;
  std::shared_ptr<const RouteTable> table_;
  std::map<const Upstream*, PoolOf> pools_;
  std::map<const RateStoreHealth*, RateStoreOf> rate_stores_;
  std::string scratch_;
};

}  // namespace tidegate::core
