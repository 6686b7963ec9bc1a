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
  // Uses the gateway's table. Runtime and gateway outlive the worker.
  Worker(net::Runtime& runtime, Gateway& gateway);

  // The table in force: what begins now holds it until its end.
  const std::shared_ptr<const RouteTable>& table() const { return table_; }

  net::Runtime& runtime() { return runtime_; }
  Gateway& gateway() { return gateway_; }
  // REQUIRES an upstream, a store, of the table.
  Pool& pool(const Upstream& upstream) { return *pools_.at(&upstream); }
  BufferBudget& buffers() { return gateway_.policies().buffers(); }
  RateStore& rate_store(const RateStoreHealth& store) { return *rate_stores_.at(&store); }
  // For building message headers; used within one call only.
  std::string& scratch() { return scratch_; }
  // Closes the connections to upstreams that nobody uses.
  void close_idle();

 private:
  net::Runtime& runtime_;
  Gateway& gateway_;
  const std::shared_ptr<const RouteTable> table_;
  std::map<const Upstream*, std::unique_ptr<Pool>> pools_;
  std::map<const RateStoreHealth*, std::unique_ptr<RateStore>> rate_stores_;
  std::string scratch_;
};

}  // namespace tidegate::core
