// Queues and their jobs as operators see them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "admin/bulk_replay.h"
#include "jobs/job_queue.h"

namespace tidegate::admin {

// The last bulk replay of each queue, by its name.
using BulkReplays = std::map<std::string, std::unique_ptr<BulkReplay>>;

std::string queue_json(const std::string& name, const jobs::JobQueue& queue, const BulkReplays& bulk, WallTime now);
// As clients see it, and the request, the sizes, the replays. `history`: with every attempt.
std::string operator_job_json(const std::string& queue, const jobs::JobRecord& record, WallTime now, bool history);

}  // namespace tidegate::admin
