// What must hold in every simulated run, for every seed. Each check adds one sentence per violation.
//
//   1 every request ends exactly once                     8 every job ends, its history has each attempt; a result is
//                                                          the upstream's response byte for byte
//   2 responses are well-formed, with one reason          9 no job has more attempts than allowed
//   3 a relayed response is complete and the upstream's  10 the upstream never sees more calls than the bulkhead allows
//   4 responses come within deadline + commit bound      11 no request has more attempts than its rule allows
//   5 202 if and only if stored                          12 the rate limit admits no more than burst + rate * time
//   6 no job without a 202 is run to its end             13 no permit, no slot, no waiter is left
//   7 503 and 429 have Retry-After                       14 nothing is in flight in the metrics
//                                                        15 no stream, no timer, no operation is left
//  16 a job's failed attempt counts only if the upstream has succeeded since the one before: no outage ends a job
//  17 an endpoint that is well is checked where that is configured, and is not out for ever
//  18 a tunnel's bytes and ends arrive in order and whole; it ends, and where nothing failed it is not reset
//
// A run that reloads has several configurations: a bound is the loosest of them. shadow.h looks closer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/gateway.h"
#include "jobs/sim/queue.h"
#include "net/sim/sim_runtime.h"
#include "sim/sim_client.h"
#include "sim/sim_upstream.h"

namespace tidegate::sim {

using Clients = std::vector<std::unique_ptr<SimClient>>;
using Configs = std::vector<std::shared_ptr<const config::Config>>;
using Stores = std::vector<std::shared_ptr<jobs::SimQueue>>;
using Tunnels = std::vector<std::unique_ptr<SimTunnelClient>>;
using Upstreams = std::vector<std::unique_ptr<SimUpstream>>;

class Findings {
 public:
  void add(std::string finding) { all_.push_back(std::move(finding)); }
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

// Every job that any of the stores has ever made durable, by the x-sim-id of its request. Of several the first.
std::map<std::string, jobs::JobRecord> jobs_by_request(const Stores& stores);

void check_responses(Findings& findings, const Clients& clients, const Configs& configs);
void check_jobs(Findings& findings, const Clients& clients, const Stores& stores, const Upstreams& upstreams,
                const Configs& configs);
// `kills`: processes that ended before their calls did.
void check_upstream(Findings& findings, const Clients& clients, const Upstreams& upstreams, const Stores& stores,
                    const Configs& configs, size_t kills);
// `renewals`: of the rate limiter of route `work`, which then began anew.
void check_rates(Findings& findings, const Clients& clients, const Configs& configs, size_t renewals);
void check_endpoints(Findings& findings, core::Gateway& gateway, const Upstreams& upstreams, Time now);
// `undisturbed`: neither the network nor Tidegate failed or was changed, nor was an upstream stopped.
void check_tunnels(Findings& findings, const Tunnels& tunnels, const Upstreams& upstreams, bool undisturbed);
void check_policies(Findings& findings, core::Gateway& gateway, Time now);
void check_metrics(Findings& findings, metrics::Metrics& metrics);
void check_leaks(Findings& findings, const net::SimRuntime& runtime);

}  // namespace tidegate::sim
