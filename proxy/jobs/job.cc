#include "jobs/job.h"

#include <algorithm>

#include "http/message/head.h"

namespace tidegate::jobs {

const char* to_string(JobStatus status) {
  switch (status) {
    case JobStatus::queued: return "queued";
    case JobStatus::running: return "running";
    case JobStatus::retrying: return "retrying";
    case JobStatus::succeeded: return "succeeded";
    case JobStatus::dead: return "dead";
    case JobStatus::cancelled: return "cancelled";
    case JobStatus::expired: return "expired";
    case JobStatus::accepting: return "accepting";
  }
  return "?";
}

const char* to_string(JobEvent event) {
  switch (event) {
    case JobEvent::accepted: return "accepted";
    case JobEvent::replayed: return "replayed";
    case JobEvent::succeeded: return "succeeded";
    case JobEvent::retried: return "retried";
    case JobEvent::deferred: return "deferred";
    case JobEvent::dead: return "dead";
    case JobEvent::cancelled: return "cancelled";
    case JobEvent::expired: return "expired";
  }
  return "?";
}

std::string_view value_of(const FieldList& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return http::iequals(field.first, name); });
  return found == fields.end() ? std::string_view() : found->second;
}

std::string_view request_id_of(const FieldList& fields) { return value_of(fields, "x-request-id"); }

}  // namespace tidegate::jobs
