// A route's rate limit: the key that a client has in it, and, where replicas share the limit, the check at its store.
//
//   calling ──▶ done with the store's decision
//      └── the store failed, or the deadline came ──▶ done by on_store_failure: local, allow, deny
//
// While the store is known to be unavailable nobody waits for it: see decide_without_store.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/routing/route_table.h"
#include "core/worker.h"
#include "http/message/head.h"
#include "net/timer.h"
#include "policy/rate_limiter.h"

namespace tidegate::core {

// None: the process's own limiter decides.
using LimitDecision = std::optional<policy::RateDecision>;

// What a client is known by, for a route's limit.
struct LimitedClient {
  const IpAddress& address;
  const http::Fields& fields;
};

// The client's key in the process's own limiter. `secret`: RouteTable::rate_key_secret().
policy::RateKey local_rate_key(const config::RateLimit& limit, uint64_t secret, const LimitedClient& client);

LimitDecision decide_without_store(config::OnStoreFailure on_failure);

class LimitCheck {
 public:
  using Done = std::function<void(const LimitDecision&)>;

  // `route` has a shared limit. `local_key` is the client's in the route's own limiter, which counts what the store
  // admits. `done` runs once, later; it may destroy the check. Worker and route outlive it; destroying it guarantees
  // silence.
  LimitCheck(Worker& worker, const RouteState& route, const LimitedClient& client, const policy::RateKey& local_key,
             Time deadline, Done done);

 private:
  void on_reply(const LimitDecision& decision);
  void finish(const LimitDecision& decision);

  net::Runtime& runtime_;
  const RouteState& route_;
  const policy::RateKey local_key_;
  Done done_;
  net::Timer timer_;
  std::unique_ptr<net::Operation> asking_;
};

}  // namespace tidegate::core
