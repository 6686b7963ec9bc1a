#include "core/jobs/next_attempt.h"

#include <fmt/format.h>

namespace tidegate::core {

using jobs::JobStatus;
using policy::BreakerState;

namespace {

std::string breaker_of(const RouteState& route) {
  return route.config->breaker ? "the breaker of route " + route.config->name
                               : "the breaker of upstream " + route.config->upstream;
}

// None: the breaker lets calls through.
std::optional<NextAttempt> behind_breaker(const RouteState& route, Time now, WallTime wall_now) {
  const auto refusal = route.policy.breaker ? route.policy.breaker->peek(now) : std::nullopt;
  if (!refusal) return std::nullopt;
  const std::string breaker = breaker_of(route);
  if (refusal->state == BreakerState::half_open) {
    return NextAttempt{std::nullopt, "it waits for the probe of " + breaker};
  }
  const WallTime at = wall_now + refusal->retry_after;
  return NextAttempt{at, fmt::format("it waits for {}, which lets a probe through at {}", breaker, to_rfc3339(at))};
}

NextAttempt of_waiting(const RouteState* route, const jobs::JobRecord& record, Time now, WallTime wall_now) {
  if (!route) {
    return {std::nullopt, fmt::format("it waits for route {}, which the configuration does not have", record.route)};
  }
  NextAttempt due{record.next_attempt_at, "it is attempted as soon as its turn comes"};
  if (due.at && *due.at <= wall_now) due.at.reset();
  if (due.at) due.what = "it is attempted at " + to_rfc3339(*due.at);
  const auto held = behind_breaker(*route, now, wall_now);
  return held && (!due.at || held->at > due.at) ? *held : due;
}

}  // namespace

NextAttempt next_attempt(const Gateway& gateway, const RouteTable& table, const jobs::JobRecord& record, Time now,
                         WallTime wall_now) {
  if (jobs::is_final(record.status)) return {};
  if (record.status == JobStatus::running) return {std::nullopt, "an attempt is running"};
  if (gateway.draining()) return {std::nullopt, "it is attempted after the next start: the process is stopping"};
  NextAttempt next = of_waiting(table.find_route(record.route), record, now, wall_now);
  if (next.at && *next.at >= record.expires_at) {
    return {std::nullopt, fmt::format("it expires at {}, before its next attempt", to_rfc3339(record.expires_at))};
  }
  return next;
}

}  // namespace tidegate::core
