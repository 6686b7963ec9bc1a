// The responses about a job that parked requests and the jobs interface have in common: the 202 of an accepted job, and
// what takes the place of a result that there is none of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/server/server.h"
#include "jobs/job.h"
#include "policy/outcome.h"

namespace tidegate::core {

struct AcceptedResponse {
  std::string_view job_id;
  std::string_view jobs_path;  // "/_jobs/"
  std::string_view request_id;
  int64_t retry_after_s = 1;
  jobs::JobStatus status = jobs::JobStatus::queued;
  std::optional<uint64_t> position;  // of a job that existed before, or was waited for
  std::string_view extra_fields;     // more "Name: value\r\n" lines
};
void send_accepted(http::Responder& responder, const AcceptedResponse& response);

// The outcome of a request for the result of a job in that status. REQUIRES status != succeeded, which has one.
policy::Outcome outcome_without_result(jobs::JobStatus status);

// "Location: /_jobs/ID\r\n"
std::string job_location_field(std::string_view jobs_path, std::string_view job_id);

}  // namespace tidegate::core
