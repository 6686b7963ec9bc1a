// Runs queued jobs when their upstream is healthy: claims a job, admits it by the route's own breaker and bulkhead (the
// same objects as live traffic), has it run, and settles it. jobs/replay/job_run.h is one job's way.
//
//   idle ──a job is due, a breaker permits, a run is allowed──▶ claiming ──job──▶ JobRun ──ended──▶ idle
//     ▲                                                            │ none
//     └──── timer: a retry is due, a breaker is due ◀──────────────┘
//
// A job whose body lies elsewhere has it fetched first, before it takes a slot or a permit: the result of the fetch
// says nothing about the upstream. No body: a failed attempt, or the job's end where no retry can help.
//
// An open breaker that is due gets a queued job as its probe. A job whose probe has failed goes behind those that
// wait, and the next probe is left to a live request, if one comes within two seconds; the more jobs have failed so in
// a row, the further behind the front is the next one taken from. Replay starts with one run at a time; when as many
// runs in a row have succeeded as are allowed at once, that number doubles, up to `concurrency`; a failed run makes it
// one again, and runs that began before it no longer count. From the third failure in a row of a route with a breaker,
// its runs are spread (job_run_context.h). Jobs take bulkhead slots by the rule for jobs (policy/bulkhead.h): live
// traffic goes first.
//
// A job whose own breaker refuses, while another route's permits, is given back until that breaker is due. Where many
// such jobs lie before another route's, they are claimed and given back in batches, each a few commits: 1, 2, 4, …
// kClaimBatchMax.
//
// A response other than 408, 425, 429 and 5xx is the job's result. Anything else is a failed attempt: repeated after
// base·2^n with jitter or the upstream's Retry-After, whichever is later. It counts where the upstream has succeeded
// for somebody meanwhile, and after max_attempts of those the job is dead; else it is a deferral
// (jobs/replay/verdict.h). A 429 or 503 with Retry-After also holds the other jobs of its route back, for as long but
// at most kRouteHoldMax.
//
// A probe without response headers within the breaker's half_open_timeout is ended, and is a deferral: the job had less
// than its time.
//
// Attempts that ended with their process, or lost their lease, count until the job is deferred: a job that is claimed
// beyond max_attempts is dead without a run. The EndAnnouncer announces the end of a job before the job is settled.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "jobs/job_queue.h"
#include "jobs/replay/verdict.h"
#include "policy/plan.h"

namespace tidegate::jobs {

// A route, as a job run keeps it until its end, though the routes may be replaced meanwhile. Runners derive theirs.
struct JobRoute {
  policy::RoutePolicy policy;
};
using JobRoutePtr = std::shared_ptr<const JobRoute>;

struct RunLimits {
  Duration timeout;                 // of the whole run
  std::optional<Time> probe_until;  // the run is a breaker's probe: without response headers by then it is ended
  bool is_jobs_fault = false;       // the job is known to fail while others succeed: its failures show nothing
};

// None is called inside run().
struct RunCallbacks {
  // The response headers have come; `upstream_time` as in policy::UpstreamCall. Once, before the end of a run with a
  // response; a runner whose routes have no policies need not call it.
  std::function<void(uint16_t status, Duration upstream_time)> headers;
  std::function<void(RunResult)> done;  // once, last
};

// Performs a run; implemented by core/.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // Null: no such route any more (the job waits until it expires, or the route is back).
  virtual JobRoutePtr route_of(const std::string& name) = 0;
  // The routes whose jobs come from this queue: while the breakers of all of them refuse, nothing is claimed.
  virtual std::vector<std::string> routes_of(const jobs::JobQueue& queue) = 0;
  // Sends the job once, by a route that route_of() has given. Destroying the operation cancels the run.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> run(JobRoutePtr route, const ClaimedJob& job,
                                                            std::shared_ptr<net::BodyReader> body,
                                                            const RunLimits& limits, RunCallbacks callbacks) = 0;
  // Fetches the body of a job with a body_ref, for run(). The callback runs later, once; destroying the operation
  // cancels the fetch. A runner whose jobs have no references need not implement it.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> fetch_body(const JobRoutePtr& route, const ClaimedJob& job,
                                                                   std::function<void(FetchedBody)> done);
};

// Something has happened to a job. `job`: without an id where it ended without being claimed.
struct JobNote {
  JobEvent event;
  const ClaimedJob& job;
  std::string reason;
  uint16_t result_status = 0;  // succeeded: of the response that is its result
};
// Called on the replayer's loop, for metrics and logs.
using JobObserver = std::function<void(const JobNote& note)>;

// Promises to notify somebody of a job's end. The promise is made before the job is settled, so that no crash comes
// between: a promise for an end that did not come about is the announcer's to detect and to drop.
class EndAnnouncer {
 public:
  virtual ~EndAnnouncer() = default;
  virtual bool wants(const ClaimedJob& job) = 0;
  // `done` runs once the promise is durable. `end`: succeeded or dead. `calls_before`: how often this end was announced
  // in vain.
  [[nodiscard]] virtual OperationPtr announce(const ClaimedJob& job, JobEvent end, int calls_before,
                                              Callback<Ok> done) = 0;
  // The promise was not made in time: the job ends, and nobody will be notified.
  virtual void lost(const ClaimedJob& job, JobEvent end, const std::string& reason) = 0;
};

class Replayer {
 public:
  static constexpr size_t kClaimBatchMax = 64;     // claims at once, past jobs that are refused
  static constexpr Duration kAnnounceWithin = 2s;  // a job's end waits no longer for its announcer

  // All but `config` outlive the replayer; `announcer` may be null. One replayer per queue and process.
  Replayer(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config,
           JobObserver observer, EndAnnouncer* announcer = nullptr);
  ~Replayer();  // cancels runs at once; their leases end by themselves or at the next start

  void start();
  // A reload: these settings hold for the runs that begin from now on, and the routes are queried again.
  void reconfigure(const config::Replay& config);
  // Claims nothing more; `done` runs when the jobs that run have been settled.
  void drain(std::function<void()> done);
  // Undoes drain(), whose `done` does not run any more unless it has been posted: jobs are claimed again.
  void resume();
  // REQUIRES drain(). Cancels the runs under way, and defers their jobs: they run again after the start, and it costs
  // them no attempt.
  void cut_off();

  // Jobs a second while it is busy; 0 before the first job has ended. For Retry-After. Any thread.
  double drain_rate() const;
  int running() const;
  // A job is due and every breaker of its routes refuses: it will be the probe. Any thread.
  bool wants_probe() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::jobs
