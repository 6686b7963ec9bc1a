#include "api/tidegate/job.h"

#include <algorithm>

#include "api/http/json.h"
#include "base/json_writer.h"
#include "http/message/chars.h"

namespace tidegate::api {

namespace {

constexpr size_t kUrlMax = 512;
constexpr size_t kTextMax = 1000;  // of Tidegate's sentences that clients get to see

// A path on Tidegate's listener that fits into a request line.
bool is_path(std::string_view text) {
  return text.size() > 1 && text.size() <= kUrlMax && text[0] == '/' && text[1] != '/' &&
         std::all_of(text.begin(), text.end(), [](char c) { return http::chars::is(c, http::chars::kTarget); });
}

std::optional<JobState> parse_state(std::string_view word) {
  if (word == "queued") return JobState::queued;
  if (word == "running") return JobState::processing;
  if (word == "retrying") return JobState::retrying;
  if (word == "succeeded") return JobState::succeeded;
  if (word == "dead" || word == "cancelled" || word == "expired") return JobState::lost;
  return std::nullopt;
}

std::string why_lost(std::string_view word, const std::string& last_error) {
  if (word == "cancelled") return "The job was cancelled.";
  if (word == "expired") return "The job expired before the optimizer processed it.";
  return "Every attempt failed" + (last_error.empty() ? "." : ": " + last_error);
}

}  // namespace

std::optional<Job> parse_job(std::string_view text) {
  const Json json = parse_object(text);
  Job job{string_in(json, "job_id"), string_in(json, "status_url"), string_in(json, "result_url")};
  const bool usable =
      http::is_token(job.id) && job.id.size() <= 128 && is_path(job.status_url) && is_path(job.result_url);
  return usable ? std::optional(job) : std::nullopt;
}

std::string to_json(const Job& job) {
  JsonWriter json;
  json.field("job_id", job.id).field("status_url", job.status_url).field("result_url", job.result_url);
  return json.take();
}

const char* to_string(JobState state) {
  switch (state) {
    case JobState::queued: return "queued";
    case JobState::processing: return "processing";
    case JobState::retrying: return "retrying";
    case JobState::succeeded: return "done";
    case JobState::lost: return "failed";
  }
  return "";
}

std::optional<JobReport> parse_report(const http::FetchResponse& response) {
  JobReport report;
  if (response.status == 404 || response.status == 410) {
    report.state = JobState::lost;
    report.error = "The job was deleted.";
    return report;
  }
  const Json json = parse_object(response.body);
  if (response.status != 200) return std::nullopt;
  const std::string word = string_in(json, "status");
  const auto state = parse_state(word);
  if (!state) return std::nullopt;
  report.state = *state;
  report.attempt = number_in(json, "attempt");
  report.max_attempts = number_in(json, "max_attempts");
  report.deferrals = number_in(json, "deferrals");
  report.next_attempt_at = string_in(json, "next_attempt_at");
  report.error = string_in(json, "last_error").substr(0, kTextMax);
  if (*state == JobState::lost) report.error = why_lost(word, report.error);
  report.retry_after = response.field("Retry-After");
  return report;
}

std::string detail_of(const http::FetchResponse& response) {
  const Json json = parse_object(response.body);
  const std::string detail = string_in(json, "detail");
  if (!detail.empty()) return detail.substr(0, kTextMax);
  return "The optimizer responded with status " + std::to_string(response.status) + ".";
}

}  // namespace tidegate::api
