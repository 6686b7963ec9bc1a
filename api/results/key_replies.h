// The parts of a response that /status/KEY and /images/KEY share.
#pragma once

#include <string>

#include "api/http/reply.h"
#include "api/tidegate/job.h"

namespace tidegate::api {

inline Reply unknown_key_reply() { return problem_reply(404, "not_found", "There is no upload with this key."); }

// Tidegate's own, else 2 s.
inline std::string retry_after_line(const JobReport& report) {
  return field_line("Retry-After", report.retry_after.empty() ? "2" : report.retry_after);
}

}  // namespace tidegate::api
