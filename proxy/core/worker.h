// What one event loop has for requests and job runs: the route table in force, and its own connections to upstreams and
// rate-limit stores. Belongs to its loop's thread.
//
//   Worker::table() ──▶ held by the worker, and by each request and job run that began with it
//                          └── owns the pools and stores of its upstreams, shared with the table after it
//
// So a pool ends with the last request that may use it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/gateway.h"
#include "core/limits/rate_store.h"
#include "core/upstream/pool.h"
#include "net/runtime.h"

namespace tidegate::core {

class Worker {
 public:
  // Uses the gateway's table. Runtime and gateway outlive the worker, and it outlives the calls that use its pools.
  Worker(net::Runtime& runtime, Gateway& gateway);
  ~Worker();

  // The table in force: what begins now holds it until its end.
  const std::shared_ptr<const RouteTable>& table() const { return table_; }
  // A reload has two steps. The first makes what the table needs here.
  void prepare(const std::shared_ptr<const RouteTable>& table);
  // REQUIRES prepare(). From now on that table is in force. What only the table before has keeps no idle connections.
  void use_prepared();
  void drop_prepared() { prepared_.reset(); }

  net::Runtime& runtime() { return runtime_; }
  Gateway& gateway() { return gateway_; }
  // REQUIRES an upstream, a store, of a table that the caller holds.
  Pool& pool(const Upstream& upstream);
  BufferBudget& buffers() { return gateway_.policies().buffers(); }
  RateStore& rate_store(const RateStoreHealth& store);
  // For building message headers; used within one call only.
  std::string& scratch() { return scratch_; }
  // Closes the connections to upstreams that nobody uses.
  void close_idle();

 private:
  struct OwnedPool;
  struct OwnedRateStore;
  class TableInUse;
  // Of all tables that are held: one of which has come back is found here. Outlives the worker where a request does
  // that has ended, but is not destroyed yet.
  struct Links {
    std::set<TableInUse*> tables;
    std::map<const Upstream*, std::weak_ptr<OwnedPool>> pools;
    std::map<const RateStoreHealth*, std::weak_ptr<OwnedRateStore>> rate_stores;
    bool ended = false;  // of the worker
  };

  net::Runtime& runtime_;
  Gateway& gateway_;
  const std::shared_ptr<Links> links_;
  std::shared_ptr<TableInUse> in_use_;
  std::shared_ptr<TableInUse> prepared_;
  std::shared_ptr<const RouteTable> table_;  // shares the ownership of in_use_
  std::string scratch_;
};

}  // namespace tidegate::core
