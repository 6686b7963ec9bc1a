// How long a client should wait before its next request: computed from the live state, for Retry-After.
#pragma once

#include "base/time.h"
#include "core/routing/route_table.h"

namespace tidegate::core {

// Until the job at `position` (jobs before it) has probably ended, by the drain rate and the time until the breaker
// permits calls.
Duration wait_for_job(const RouteState& route, uint64_t position, Time now);

// Until a full or unavailable queue may accept a job again.
Duration wait_for_queue(const QueueState& queue, uint64_t position);

}  // namespace tidegate::core
