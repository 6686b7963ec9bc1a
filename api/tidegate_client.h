// What this service says to Tidegate, and what it understands of the answers. Tidegate stands before the optimizer: the
// answer is a picture, an error, or the promise of a job.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client/fetch.h"
#include "net/runtime.h"

namespace tidegate::api {

// A promise of Tidegate's. The two are paths on its listener.
struct Job {
  std::string id;
  std::string status_url;
  std::string result_url;
};

// From the body of a 202, and from what we wrote down ourselves; nothing where it is no such thing.
std::optional<Job> parse_job(std::string_view json);
std::string to_json(const Job& job);

enum class JobState { queued, processing, retrying, succeeded, lost };
const char* to_string(JobState state);

struct JobReport {
  JobState state = JobState::queued;
  std::optional<int64_t> attempt;
  std::optional<int64_t> max_attempts;
  std::string next_attempt_at;  // RFC 3339; empty where none is planned
  std::string error;            // the last one; of a lost job, why it is lost
  std::string retry_after;      // as Tidegate said; may be empty
};

// An answer to a job's status_url: 200 with a report, 404 or 410 where the job is gone. Nothing: neither.
std::optional<JobReport> parse_report(const http::FetchResponse& response);

// The sentence of a problem+json; of anything else, one that names the status.
std::string detail_of(const http::FetchResponse& response);

struct OptimizeCall {
  std::string key;
  std::string text;
  std::string position;
  std::string client_ip;
  std::string content_type;
  std::string image;
  std::string image_url;  // where a job may fetch the image from; "" where nowhere
};

class TidegateClient {
 public:
  // `base` and `admin`: the target has no last slash. The runtime outlives the client.
  TidegateClient(net::Runtime& runtime, http::HttpUrl base, size_t answer_bytes_max,
                 std::optional<http::HttpUrl> admin = std::nullopt)
      : runtime_(runtime), base_(std::move(base)), answer_bytes_max_(answer_bytes_max), admin_(std::move(admin)) {}

  std::unique_ptr<net::Operation> optimize(OptimizeCall call, http::FetchCallback done);
  // `path`: "/_jobs/…" as a job's URLs are. A whole picture may come back.
  std::unique_ptr<net::Operation> get(const std::string& path, http::FetchCallback done);
  // Any answer will do: of the admin interface's /health, where it is known; else of the listener, which takes the
  // question for a request without a route.
  std::unique_ptr<net::Operation> ping(http::FetchCallback done);

 private:
  http::FetchRequest request(const std::string& target, Duration timeout) const;

  net::Runtime& runtime_;
  const http::HttpUrl base_;
  const size_t answer_bytes_max_;
  const std::optional<http::HttpUrl> admin_;
};

}  // namespace tidegate::api
