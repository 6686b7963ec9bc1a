// The message that is posted when a job has ended; http/message/webhook.h signs it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/job.h"

namespace tidegate::core {

// {"type":"job.succeeded","timestamp":…,"data":{"job_id","idempotency_key",…}}. REQUIRES that the job has ended.
// `timestamp` is when it ended, so that every attempt carries the same bytes. `idempotency_key`: "" where the job has
// none. `result_status`: of its result, if it has one.
std::string webhook_body(const jobs::JobRecord& record, const std::string& idempotency_key,
                         std::optional<int> result_status, std::string_view jobs_path);

}  // namespace tidegate::core
