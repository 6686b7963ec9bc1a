// A job of Tidegate's queue, as its HTTP API describes it: the promise in a 202 response, and the report of a job's
// status URL. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/client/fetch.h"

namespace tidegate::api {

// The two URLs are paths on Tidegate's listener.
struct Job {
  std::string id;
  std::string status_url;
  std::string result_url;
};

// Parses the body of a 202 response, and what to_json() wrote to the store. Nothing: neither.
std::optional<Job> parse_job(std::string_view json);
std::string to_json(const Job& job);

enum class JobState { queued, processing, retrying, succeeded, lost };
const char* to_string(JobState state);

struct JobReport {
  JobState state = JobState::queued;
  std::optional<int64_t> attempt;
  std::optional<int64_t> max_attempts;
  std::optional<int64_t> deferrals;  // attempts that failed in an outage and do not count
  std::string next_attempt_at;  // RFC 3339; empty: none is scheduled
  std::string error;            // of the last attempt; for a lost job, why it was lost
  std::string retry_after;      // Tidegate's Retry-After; may be empty
};

// Parses the response of a job's status URL: 200 with a report, or 404 or 410 for a deleted job. Nothing: neither.
std::optional<JobReport> parse_report(const http::FetchResponse& response);

// The `detail` of a problem+json response; for any other response, a sentence with its status.
std::string detail_of(const http::FetchResponse& response);

}  // namespace tidegate::api
