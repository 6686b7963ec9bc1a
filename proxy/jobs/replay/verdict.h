// What came of running a job, and what that means for it. Pure: the caller gives the random numbers.
//
//   response other than 408, 425, 429, 5xx ──▶ Succeeded
//   any other response, or none ─────────────▶ Retry; Dead after the last attempt, or where no retry can help
//   our own side failed, or it is too early ─▶ Deferred: no attempt, and the upstream is not judged by it
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/random.h"
#include "jobs/job.h"
#include "net/body_reader.h"
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
  bool counts_against_upstream = true;  // false: our own side failed; neither the job nor the breaker counts it
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
  WallTime not_before;  // after the back-off or the upstream's Retry-After, whichever is later
};
struct Dead {
  std::string error;
};
using Settlement = std::variant<Succeeded, Retry, Dead>;

// Given back, to be claimed again.
struct Deferred {
  Duration wait;
  std::string reason;  // "" = nothing that should be logged
};
using Verdict = std::variant<Settlement, Deferred>;

// What the next attempt is delayed by.
struct RetryTiming {
  const policy::BackoffConfig& backoff;
  WallTime now;
  Random& random;
};

Verdict judge(const RunResult& result, const ClaimedJob& job, const RetryTiming& timing);
Verdict judge(const FetchedBody& fetched, const ClaimedJob& job, const RetryTiming& timing);  // REQUIRES no body

const std::string& error_of(const Settlement& settlement);  // "" = it succeeded

// How long the other jobs of the route are held back: a 429's or 503's Retry-After, at most kRouteHoldMax.
inline constexpr Duration kRouteHoldMax = std::chrono::seconds(60);
std::optional<Duration> hold_of_route(const RunResult& result);

}  // namespace tidegate::jobs
