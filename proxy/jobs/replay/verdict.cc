#include "jobs/replay/verdict.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::jobs {

using policy::AttemptResult;

namespace {

constexpr Duration kOwnFailureDelay = 5s;  // where the disk or the store failed

bool is_result(uint16_t status) { return status < 500 && status != 408 && status != 425 && status != 429; }

bool has_succeeded(const RunResult& result) {
  switch (result.worth) {
    case RunResult::Worth::succeeded: return true;
    case RunResult::Worth::failed:
    case RunResult::Worth::hopeless: return false;
    case RunResult::Worth::by_status:
      return result.result == AttemptResult::response && is_result(result.response.status);
  }
  return false;
}

std::string error_of(const RunResult& result) {
  if (!result.error.empty()) return result.error;
  return result.result == AttemptResult::response ? std::to_string(result.response.status) : to_string(result.result);
}

// The delay before the previous attempt is not kept (a restart would lose it too): decorrelated jitter begins at its
// base.
Settlement failed(std::string error, bool hopeless, Duration retry_after, const ClaimedJob& job,
                  const RetryTiming& timing) {
  if (hopeless || job.attempt >= job.max_attempts) return Dead{std::move(error)};
  const policy::Backoff backoff(timing.backoff);
  const Duration delay = backoff.delay(job.attempt - 1, timing.backoff.base, timing.random);
  return Retry{std::move(error), timing.now + std::max(delay, retry_after)};
}

}  // namespace

Verdict judge(const RunResult& result, const ClaimedJob& job, const RetryTiming& timing) {
  if (!result.counts_against_upstream) return Deferred{kOwnFailureDelay, result.detail};
  if (result.too_early_for) return Deferred{*result.too_early_for, ""};
  if (has_succeeded(result)) return Settlement(Succeeded{});
  const bool hopeless = result.worth == RunResult::Worth::hopeless;
  return failed(error_of(result), hopeless, result.retry_after.value_or(Duration(0)), job, timing);
}

Verdict judge(const FetchedBody& fetched, const ClaimedJob& job, const RetryTiming& timing) {
  TG_ASSERT(fetched.result != FetchedBody::Result::fetched);
  if (fetched.result == FetchedBody::Result::own_failure) return Deferred{kOwnFailureDelay, fetched.detail};
  return failed(fetched.error, fetched.result == FetchedBody::Result::hopeless, Duration(0), job, timing);
}

const std::string& error_of(const Settlement& settlement) {
  static const std::string kNone;
  struct Error {
    const std::string& operator()(const Succeeded&) const { return kNone; }
    const std::string& operator()(const Retry& s) const { return s.error; }
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
