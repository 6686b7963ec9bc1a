// What came of running a job, and what that means for it. Pure: the caller gives the random numbers.
//
//   response other than 408, 425, 429, 5xx ──▶ Succeeded
//   any other response, or none:
//     no retry can help ─────────────────────▶ Dead
//     the upstream has succeeded meanwhile ──▶ Retry; Dead after the last attempt        the job's fault
//     it has not ────────────────────────────▶ Deferral: the attempt does not count      the outage's
//   our own side failed, or it is too early ─▶ GivenBack: no attempt, and the upstream is not judged by it
//
// "Meanwhile": for whomever, since the end of this job's previous attempt, or since it was accepted. A job that fails
// while others succeed ends after max_attempts; an outage, however long, ends none. Where nobody else calls the
// upstream, nothing tells a job's fault from an outage, and the job waits until it expires.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/random.h"
#include "jobs/job.h"
#include "net/body_reader.h"
#include "policy/admission.h"
#include "policy/backoff.h"
#include "policy/outcome.h"

namespace tidegate::jobs {

// What one run of a job came to.
struct RunResult {
  policy::AttemptResult result = policy::AttemptResult::response;
  StoredResponse response;              // result == response
  std::optional<Duration> retry_after;  // the upstream's Retry-After
  std::string error;                    // for the job's history, instead of the result's own word
  std::string detail;                   // for the log, beyond the result's own word
  bool upstreams_fault = true;          // of a failure; false: the breaker does not count it
  Duration upstream_time{};             // of a failure before the response headers: policy::AttemptFailure
  bool own_failure = false;             // our own side failed; neither the job nor the breaker counts it
  enum class Worth : uint8_t { by_status, succeeded, failed, hopeless } worth = Worth::by_status;  // hopeless: no retry
  std::optional<Duration> too_early_for;  // it was too early to run: deferred for so long, and not logged
};

// What came of fetching the body that a job refers to.
struct FetchedBody {
  enum class Result : uint8_t { fetched, failed, hopeless, own_failure };  // hopeless: no retry can help
  Result result = Result::fetched;
  std::shared_ptr<net::BodyReader> body;  // result == fetched
  std::string error;                      // failed, hopeless: a word for the job's history
  std::string detail;                     // for the log
};

// What the store is to record. A variant, so that a forgotten case does not compile.
struct Succeeded {};
struct Retry {
  std::string error;
  WallTime not_before;  // next_attempt_at
};
struct Deferral {
  std::string error;
  WallTime not_before;  // as for a retry
};
struct Dead {
  std::string error;
};
using Settlement = std::variant<Succeeded, Retry, Deferral, Dead>;

// Whose fault a failed attempt is.
enum class Fault : uint8_t { job, outage };

// Given back, to be claimed again.
struct GivenBack {
  Duration wait;
  std::string reason;  // "" = nothing that should be logged
};
using Verdict = std::variant<Settlement, GivenBack>;

// When the next attempt may begin: after the back-off, and not before the upstream wants it (its Retry-After), but soon
// enough that ten minutes of the job's time are left for it, or half of what there is.
WallTime next_attempt_at(Duration backoff, Duration retry_after, WallTime now, WallTime expires_at);

// What the next attempt is delayed by.
struct RetryTiming {
  const policy::BackoffConfig& backoff;
  WallTime now;
  Random& random;
};

// `fault`: if it has failed.
Verdict judge(const RunResult& result, const ClaimedJob& job, Fault fault, const RetryTiming& timing);
// REQUIRES no body.
Verdict judge(const FetchedBody& fetched, const ClaimedJob& job, Fault fault, const RetryTiming& timing);

// `health`: of what the job depends on; null: nobody keeps it, and every failure is the job's. The job's times are the
// wall's, so that they outlive the process; a success from before a restart is not known, which defers.
Fault fault_of(const policy::UpstreamHealth* health, const ClaimedJob& job, WallTime wall_now, Time now);

JobEvent event_of(const Settlement& settlement);
const std::string& error_of(const Settlement& settlement);  // "" = it succeeded

// How long the other jobs of the route are held back: a 429's or 503's Retry-After, at most kRouteHoldMax.
inline constexpr Duration kRouteHoldMax = std::chrono::seconds(60);
std::optional<Duration> hold_of_route(const RunResult& result);

}  // namespace tidegate::jobs
