// What all job runs of a replayer share, and what they have found out for each other: when a route wants no jobs, whose
// turn a breaker's probe is, and when the hosts of bodies last sent one. Owned by the replayer; outlives its runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "jobs/replay/replayer.h"

namespace tidegate::jobs {

struct JobRunContext {
  net::Runtime& runtime;
  JobQueue& queue;
  JobRunner& runner;
  std::shared_ptr<const config::Replay> config;
  JobObserver observer;
  EndAnnouncer* announcer;
  std::function<void()> on_capacity_freed;      // a run no longer fetches, is admitted, or waits for the store alone
  std::map<std::string, Time> held_until = {};  // by route; by the upstream's Retry-After
  // By route with a breaker, while one run after the other fails.
  struct Pace {
    int failed_in_a_row = 0;
    Time until{};
  };
  std::map<std::string, Pace> paces = {};
  // Of a breaker whose last probe by a job has failed. A reload may end the breaker.
  struct FailedProbes {
    uint64_t transitions = 0;  // that the breaker had made by then
    int in_a_row = 0;          // since a job has succeeded
    int to_pass_over = 0;      // jobs, before one is the next probe
    int further = 0;           // jobs that may be passed over then, for having failed more often than the best so far
    int fewest_failures = 0;   // of those passed over
  };
  std::map<std::weak_ptr<policy::Breaker>, FailedProbes, std::owner_less<>> failed_probes = {};
  // Of the hosts that bodies are fetched from, by host and port; only those that have sent one.
  std::map<std::string, policy::UpstreamHealth> body_hosts = {};

  // Null: there is no such route.
  std::shared_ptr<const policy::RoutePolicy> policy_of(const std::string& route) const;
  // How long the route wants no jobs; none = one may run.
  std::optional<Duration> refusal_of(const std::string& route);
  bool is_held(const std::string& route) const;
  void hold(const std::string& route, Duration wait);
  // Runs that fail in a row are spread. Those that the breaker `counted`, or would have but for the job, widely: a row
  // of bad jobs must not open the breaker of an upstream that serves live requests meanwhile. Others a little: no
  // breaker stops them, and an upstream that fails so in an outage is not to be called as fast as it fails, by job
  // after job.
  void on_run_judged(const std::string& route, const std::shared_ptr<policy::Breaker>& breaker, bool succeeded,
                     bool counted);
  // After a job's failed probe the next one is a live request's, if one comes soon.
  bool is_live_turn(const std::shared_ptr<policy::Breaker>& breaker) const;
  bool wants_probe(const std::string& route);
  void on_probe_failed(const std::shared_ptr<policy::Breaker>& breaker);
  // True: the breaker wants a probe, and another job behind this one is to be it. Many bad jobs may lie in a row: after
  // 2, 3, 4, … failed probes 1, 3, 7, …, at most 63 jobs are passed over, and then as many again that have failed more
  // often than the best of those.
  bool passes_over(const ClaimedJob& job);

  const policy::UpstreamHealth& health_of_host(const std::string& url) const;
  void on_body_fetched(const std::string& url, Time begun_at);
};

}  // namespace tidegate::jobs
