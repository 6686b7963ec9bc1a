// A piece of a stored result, by the id of its job.
#pragma once

#include <cstdint>
#include <string>

#include "jobs/job_queue.h"
#include "net/runtime.h"

namespace tidegate::jobs {

// Looks the result up, then reads up to `count` bytes of its body from `offset` on. Errors: those of JobQueue::result()
// and of reading. Destroying the operation, also inside `done`, cancels both.
OperationPtr read_result(JobQueue& queue, net::Runtime& home, const std::string& id, uint64_t offset, size_t count,
                         Callback<std::string> done);

}  // namespace tidegate::jobs
