#include "core/jobs/job_responses.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/json_writer.h"

namespace tidegate::core {

using jobs::JobStatus;
using policy::Outcome;

void send_accepted(http::Responder& responder, const AcceptedResponse& response) {
  const std::string status_url = fmt::format("{}{}", response.jobs_path, response.job_id);
  JsonWriter json;
  json.field("job_id", response.job_id)
      .field("status", to_string(response.status))
      .field("status_url", status_url)
      .field("result_url", status_url + "/result")
      .field("retry_after", response.retry_after_s);
  if (response.position) json.field("position", *response.position);
  responder.respond(202, "application/json", json.take(),
                    fmt::format("{}Retry-After: {}\r\nX-Request-Id: {}\r\nProxy-Status: tidegate; "
                                "details=\"queued\"\r\n{}",
                                job_location_field(response.jobs_path, response.job_id), response.retry_after_s,
                                response.request_id, response.extra_fields));
}

Outcome outcome_without_result(JobStatus status) {
  switch (status) {
    case JobStatus::dead: return Outcome::job_failed;
    case JobStatus::cancelled:
    case JobStatus::expired: return Outcome::result_gone;
    case JobStatus::accepting: return Outcome::not_found;
    case JobStatus::queued:
    case JobStatus::running:
    case JobStatus::retrying: return Outcome::job_not_finished;
    case JobStatus::succeeded: break;
  }
  TG_ASSERT(false);
}

std::string job_location_field(std::string_view jobs_path, std::string_view job_id) {
  return fmt::format("Location: {}{}\r\n", jobs_path, job_id);
}

}  // namespace tidegate::core
