// What happens next to a job that has not ended, from its record and the live state: its record alone says when it was
// to be attempted, which an open breaker or a stopping process puts off.
#pragma once

#include <optional>
#include <string>

#include "core/gateway.h"
#include "jobs/job.h"

namespace tidegate::core {

struct NextAttempt {
  std::optional<WallTime> at;  // not before; none: as soon as its turn comes, or nobody can know
  std::string what;            // a sentence without its full stop; "" = the job has ended
};

// `now` and `wall_now` are the same instant.
NextAttempt next_attempt(const Gateway& gateway, const RouteTable& table, const jobs::JobRecord& record, Time now,
                         WallTime wall_now);

}  // namespace tidegate::core
