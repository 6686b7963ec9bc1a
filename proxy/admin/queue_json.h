// Queues and jobs as JSON, as operators see them.
#pragma once

#include <string>
#include <vector>

#include "admin/context.h"
#include "core/jobs/next_attempt.h"
#include "jobs/job_queue.h"

namespace tidegate::admin {

// What an operator should know of a queue that takes jobs all the same.
std::vector<std::string> warnings_of(const jobs::QueueView& view);

std::string queue_json(const std::string& name, const jobs::JobQueue& queue, const BulkReplays& bulk, WallTime now);
// How operators see a job.
struct JobView {
  WallTime now;
  http::ShownQuery query;  // of its target
  bool history;            // with every attempt
  core::NextAttempt next;
};
// What clients see of a job, and its request, sizes and replays.
std::string operator_job_json(const std::string& queue, const jobs::JobRecord& record, const JobView& view);

}  // namespace tidegate::admin
