// The message that is posted when a job has ended (http/message/webhook.h signs it), and what it means for its delivery
// that no response came.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jobs/job.h"
#include "jobs/replay/verdict.h"

namespace tidegate::core {

// {"type":"job.succeeded","timestamp":…,"data":{"job_id","idempotency_key",…}}. REQUIRES that the job has ended.
// `timestamp` is when it ended, so that every attempt carries the same bytes. `idempotency_key`: "" where the job has
// none. `result_status`: of its result, if it has one.
std::string webhook_body(const jobs::JobRecord& record, const std::string& idempotency_key,
                         std::optional<int> result_status, std::string_view jobs_path);

// `connected`: the failure came after the receiver was reached. Without a descriptor or a local port of ours the
// receiver was not called: the delivery is given back.
jobs::RunResult undelivered(const Error& error, bool connected);

}  // namespace tidegate::core
