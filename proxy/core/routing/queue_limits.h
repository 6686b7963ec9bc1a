// The limits that the configuration of a queue gives its stores.
#pragma once

#include "config/config.h"
#include "jobs/job_queue.h"

namespace tidegate::core {

inline jobs::QueueLimits queue_limits(const config::Queue& queue) {
  return {queue.max_jobs, queue.max_bytes, queue.min_free_disk, queue.results_ttl};
}

// Of the store of its callbacks, whose bytes are few.
inline jobs::QueueLimits callback_limits(const config::Queue& queue) {
  jobs::QueueLimits limits = queue_limits(queue);
  limits.max_bytes = jobs::QueueLimits().max_bytes;
  return limits;
}

}  // namespace tidegate::core
