// A second judge of each request and job run, beside the invariants: it knows which configurations were in force when,
// and asks of everything that a request has shown whether one of them, in force when the request began, explains all of
// it: which route it had, to which endpoints it went, with how much time, which policy may refuse it, its fallback. So
// a request keeps the table that it began with. And it counts the tables: one that nothing needs has been freed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/routing/route_table.h"
#include "http/message/head.h"
#include "jobs/job.h"
#include "net/sim/sim_runtime.h"
#include "sim/invariants.h"
#include "sim/sim_client.h"

namespace tidegate::sim {

class Shadow {
 public:
  explicit Shadow(net::SimRuntime& runtime) : runtime_(runtime) {}

  void on_built(const std::shared_ptr<const core::RouteTable>& table) { tables_.push_back(table); }
  void on_in_force(std::shared_ptr<const config::Config> config);
  void on_replaced(const config::Config& config);
  // A request has come to an upstream.
  void on_call(const SocketAddress& endpoint, const http::RequestHead& head);

  // Of requests and job runs. `jobs`: those that the stores have ever had, by the x-sim-id of their request.
  void check(Findings& findings, const Clients& clients, const std::map<std::string, jobs::JobRecord>& jobs);
  // No table is left but `allowed`.
  void check_census(Findings& findings, size_t allowed) const;
  // Those whose configuration was replaced before they were at their end.
  int requests_over_a_reload() const { return over_a_reload_; }

 private:
  struct Version {
    int number;
    std::shared_ptr<const config::Config> config;
    Time from;
    Time until = Time::max();
  };
  struct Call {
    Time at;
    WallTime wall_at;
    std::string endpoint;
    int version;
    Duration left;  // of its time
  };
  using Versions = std::vector<const Version*>;

  Versions in_force(Time from, Time until) const;
  void check_request(Findings& findings, const SimClient& client, const std::vector<Call>& calls);
  void check_run(Findings& findings, const jobs::JobRecord& job, const Call& call) const;

  net::SimRuntime& runtime_;
  std::vector<Version> versions_;
  std::vector<std::weak_ptr<const core::RouteTable>> tables_;
  std::map<std::string, std::vector<Call>> calls_;  // by x-sim-id
  int over_a_reload_ = 0;
};

}  // namespace tidegate::sim
