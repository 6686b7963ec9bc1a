// What is posted when a job has ended: the message, and its signature as Standard Webhooks has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/job.h"

namespace tidegate::core {

// "v1," + base64(HMAC-SHA256(key, "id.timestamp.body")). `secret`: "whsec_" + base64 of the key, or the key itself.
std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s, std::string_view body);

// {"type":"job.succeeded","timestamp":…,"data":{"job_id",…}}. REQUIRES that the job has ended. `timestamp` is when it
// ended, so that every try carries the same bytes. `result_status`: of its result, if it has one.
std::string webhook_body(const jobs::JobRecord& record, std::optional<int> result_status, std::string_view jobs_path);

}  // namespace tidegate::core
