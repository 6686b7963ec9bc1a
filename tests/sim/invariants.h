// What must hold over every simulated run, whatever the seed did. Each check adds one sentence a violation.
//
//   1 every request ends exactly once                     8 every job ends, its history tells each try; a result is the
//                                                          upstream's, byte for byte
//   2 answers are well-formed, with one reason word       9 no job runs more often than its attempts allow
//   3 a relayed answer is whole and the upstream's       10 the upstream never sees more calls than the bulkhead allows
//   4 answered within deadline + commit bound            11 no request is tried more often than the rule allows
//   5 202 if and only if stored                          12 the rate limit admits no more than burst + rate * time
//   6 no job that nobody was promised is run to an end   13 no permit, no place, no waiter is left
//   7 503 and 429 say when to come back                  14 nothing is in flight in the metrics
//                                                        15 no stream, no timer, no operation is left
#pragma once

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

class Findings {
 public:
  void add(std::string finding) { all_.push_back(std::move(finding)); }
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

void check_answers(Findings& findings, const Clients& clients, const config::Config& config);
void check_jobs(Findings& findings, const Clients& clients, const jobs::SimQueue& store, const config::Config& config);
void check_upstream(Findings& findings, const Clients& clients, const SimUpstream& upstream,
                    const jobs::SimQueue& store, const config::Config& config, size_t kills);
void check_rates(Findings& findings, const Clients& clients, const config::Config& config, size_t kills);
void check_policies(Findings& findings, core::Gateway& gateway, Time now);
void check_metrics(Findings& findings, metrics::Metrics& metrics);
void check_leaks(Findings& findings, const net::SimRuntime& runtime);

}  // namespace tidegate::sim
