#include "jobs/replay/verdict.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::jobs {

using policy::AttemptResult;

namespace {

constexpr Duration kLeftForAttempt = std::chrono::minutes(10);  // of a job's time, behind a Retry-After
constexpr Duration kOwnFailureDelay = 5s;                       // where the disk or the store failed

bool has_succeeded(const RunResult& result) {
  switch (result.worth) {
    case RunResult::Worth::succeeded: return true;
    case RunResult::Worth::failed:
    case RunResult::Worth::hopeless: return false;
    case RunResult::Worth::by_status:
      return result.result == AttemptResult::response && policy::is_result(result.response.status);
  }
  return false;
}

std::string error_of(const RunResult& result) {
  if (!result.error.empty()) return result.error;
  return result.result == AttemptResult::response ? std::to_string(result.response.status) : to_string(result.result);
}

struct Failure {
  std::string error;
  bool hopeless;
  Duration retry_after;
};

// The delay before the previous attempt is not kept (a restart would lose it too): decorrelated jitter begins at its
// base.
Settlement settlement_of(Failure failure, const ClaimedJob& job, Fault fault, const RetryTiming& timing) {
  const bool last = fault == Fault::job && job.attempt >= job.max_attempts;
  if (failure.hopeless || last) return Dead{std::move(failure.error)};
  const policy::Backoff backoff(timing.backoff);
  const Duration delay = backoff.delay(job.attempt - 1 + job.deferrals, timing.backoff.base, timing.random);
  const WallTime not_before = next_attempt_at(delay, failure.retry_after, timing.now, job.expires_at);
  if (fault == Fault::outage) return Deferral{std::move(failure.error), not_before};
  return Retry{std::move(failure.error), not_before};
}

}  // namespace

WallTime next_attempt_at(Duration backoff, Duration retry_after, WallTime now, WallTime expires_at) {
  const Duration left = expires_at - now;
  return now + std::max(backoff, std::min(retry_after, left - std::min(left / 2, kLeftForAttempt)));
}

Verdict judge(const RunResult& result, const ClaimedJob& job, Fault fault, const RetryTiming& timing) {
  if (result.own_failure) return GivenBack{kOwnFailureDelay, result.detail};
  if (result.too_early_for) return GivenBack{*result.too_early_for, ""};
  if (has_succeeded(result)) return Settlement(Succeeded{});
  const bool hopeless = result.worth == RunResult::Worth::hopeless;
  return settlement_of({error_of(result), hopeless, result.retry_after.value_or(Duration(0))}, job, fault, timing);
}

Verdict judge(const FetchedBody& fetched, const ClaimedJob& job, Fault fault, const RetryTiming& timing) {
  TG_ASSERT(fetched.result != FetchedBody::Result::fetched);
  if (fetched.result == FetchedBody::Result::own_failure) return GivenBack{kOwnFailureDelay, fetched.detail};
  const bool hopeless = fetched.result == FetchedBody::Result::hopeless;
  return settlement_of({fetched.error, hopeless, Duration(0)}, job, fault, timing);
}

Fault fault_of(const policy::UpstreamHealth* health, const ClaimedJob& job, WallTime wall_now, Time now) {
  if (!health) return Fault::job;
  const Duration ago = wall_now - (job.attempted_at > WallTime{} ? job.attempted_at : job.created_at);
  return health->succeeded_since(now - std::max(ago, Duration(0))) ? Fault::job : Fault::outage;
}

JobEvent event_of(const Settlement& settlement) {
  struct Event {
    JobEvent operator()(const Succeeded&) const { return JobEvent::succeeded; }
    JobEvent operator()(const Retry&) const { return JobEvent::retried; }
    JobEvent operator()(const Deferral&) const { return JobEvent::deferred; }
    JobEvent operator()(const Dead&) const { return JobEvent::dead; }
  };
  return std::visit(Event{}, settlement);
}

const std::string& error_of(const Settlement& settlement) {
  static const std::string kNone;
  struct Error {
    const std::string& operator()(const Succeeded&) const { return kNone; }
    const std::string& operator()(const Retry& s) const { return s.error; }
    const std::string& operator()(const Deferral& s) const { return s.error; }
    const std::string& operator()(const Dead& s) const { return s.error; }
  };
  return std::visit(Error{}, settlement);
}

std::optional<Duration> hold_of_route(const RunResult& result) {
  const uint16_t status = result.result == AttemptResult::response ? result.response.status : uint16_t{0};
  if (!result.retry_after || (status != 429 && status != 503) || has_succeeded(result)) return std::nullopt;
  return std::min(*result.retry_after, kRouteHoldMax);
}

}  // namespace tidegate::jobs
