// Runs queued jobs when their upstream is well: claims a job, admits it by the route's own breaker and bulkhead (the
// same objects as live traffic), has it run, and settles it: succeed, retry with back-off, or dead_letter.
//
//   idle ──work, breaker permits, slot free──▶ claiming ──job──▶ running ──▶ settling ──▶ idle
//     ▲        (one lane of `concurrency`)         │ none             │ client side gone: close()
//     └──────── timer: retry due, breaker due ◀────┘                  └──▶ release
//
// A job whose body lies elsewhere has it fetched first, before it takes a slot or a permit: what comes of that says
// nothing of the upstream. No body: a failed attempt, or the job's end where asking again is of no use.
//
// An open breaker that is due gets a queued job as its probe. Replay starts with one lane; when as many runs in a row
// have succeeded as there are lanes, they double, up to `concurrency`; a failed run makes it one again, and what began
// before it no longer counts. It takes bulkhead slots by the rule for jobs (policy/bulkhead.h): live traffic goes
// first.
//
// A job whose own breaker refuses, while another route's permits, goes back until that breaker is due. Where many such
// jobs lie before another route's, they are claimed and given back in waves, each a few commits: 1, 2, 4, …
// kClaimBatchMax.
//
// An answer other than 408, 425, 429 and 5xx is the job's result. Anything else is a failed attempt: retried after
// base·2^n with jitter or the upstream's Retry-After, whichever is later, and dead-lettered after max_attempts. A 429
// or 503 with Retry-After also holds the other jobs of its route back, for as long but at most kHoldMax.
//
// Attempts that ended with their process, or lost their lease, count: a job that is claimed beyond max_attempts is
// dead-lettered without a run. Whoever wants to hear of a job's end (EndAnnouncer) is told first, then the job is
// settled.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "jobs/job_queue.h"
#include "policy/plan.h"

namespace tidegate::jobs {

// What one run of a job came to.
struct RunResult {
  policy::AttemptResult result = policy::AttemptResult::response;
  StoredResponse response;              // result == response
  std::optional<Duration> retry_after;  // the upstream's Retry-After
  std::string error;                    // instead of the result's own word, where that does not say it
  std::string detail;                   // for the log, beyond the result's own word
  bool upstreams_doing = true;          // false: our own side failed; neither the job nor the breaker counts it
  enum class Worth : uint8_t { by_answer, succeeded, failed, hopeless } worth = Worth::by_answer;  // hopeless: no retry
  std::optional<Duration> not_yet;  // it was too early to run: given back for so long, quietly
};

// What came of fetching the body that a job refers to.
struct FetchedBody {
  enum class Got : uint8_t { body, nothing, never, own_failure };  // never: asking again is of no use
  Got got = Got::body;
  std::shared_ptr<net::BodyReader> body;  // got == body
  std::string error;                      // nothing, never: a word for the job's history
  std::string detail;                     // for the log
};

// Performs a run; implemented by core/.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // The policies of a route; null: no such route any more (the job waits until it expires, or the route is back).
  // Valid as long as it is held, though the routes may be replaced meanwhile.
  virtual std::shared_ptr<const policy::RoutePolicy> policy_of(const std::string& route) = 0;
  // The routes whose jobs come from this queue: while the breakers of all of them refuse, nothing is claimed.
  virtual std::vector<std::string> routes_of(const jobs::JobQueue& queue) = 0;
  // Sends the job once. The callback runs later, once; destroying the operation cancels the run.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> run(const ClaimedJob& job,
                                                            std::shared_ptr<net::BodyReader> body, Duration timeout,
                                                            std::function<void(RunResult)> done) = 0;
  // Fetches the body of a job with a body_ref, for run(). The callback runs later, once; destroying the operation
  // cancels the fetch. A runner whose jobs have no references need not know how.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> fetch_body(const ClaimedJob& job,
                                                                   std::function<void(FetchedBody)> done);
};

// Called on the replayer's loop, for metrics and logs.
using JobObserver = std::function<void(JobEvent event, const ClaimedJob& job, const std::string& detail)>;

// Promises to tell somebody of a job's end. The promise is made before the job is settled, so that no crash comes
// between: made for an end that did not come about, it is the announcer's to see that and be silent.
class EndAnnouncer {
 public:
  virtual ~EndAnnouncer() = default;
  virtual bool wants(const ClaimedJob& job) = 0;
  // Answers once the promise is durable. `end`: succeeded or dead. `tries`: how often it was asked before, for this
  // end.
  [[nodiscard]] virtual OperationPtr announce(const ClaimedJob& job, JobEvent end, int tries, Callback<Ok> done) = 0;
  // It could not be had in time: the job ends, and nobody will be told.
  virtual void lost(const ClaimedJob& job, JobEvent end, const std::string& why) = 0;
};

class Replayer {
 public:
  static constexpr size_t kClaimBatchMax = 64;     // claims at once, through jobs that are refused
  static constexpr Duration kHoldMax = 60s;        // of a route, by Retry-After
  static constexpr Duration kAnnounceWithin = 2s;  // a job's end waits no longer for its announcer

  // All outlive the replayer; `announcer` may be null. One replayer per queue and process.
  Replayer(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config,
           JobObserver observer, EndAnnouncer* announcer = nullptr);
  ~Replayer();  // cancels runs at once; their leases end by themselves or at the next start

  void start();
  // Claims nothing more; `done` runs when what is running has settled.
  void drain(std::function<void()> done);

  // Jobs a second that it gets through when it is busy; 0 before the first has ended. For Retry-After. Any thread.
  double drain_rate() const;
  int running() const;
  // A job is due and every breaker of its routes refuses: it will be the probe. Any thread.
  bool wants_probe() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::jobs
