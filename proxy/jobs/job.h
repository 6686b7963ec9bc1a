// A job: a request that was accepted with 202, its record, and its result.
//
//   queued ────── claim ──────▶ running ── response ────────────▶ succeeded
//     ▲                          ▲  │ │ └─── last attempt failed ──▶ dead ──replay by an operator──▶ queued
//     │                    claim │  │ │ failed, attempts left; deferred
//     │                 when due │  │ ▼
//     │                         retrying
//     └────────── given back ───────┘          (a lease that ends while running: claimable again)
//
//   queued, retrying ── cancel ────────────▶ cancelled
//                    └─ expires_at passed ─▶ expired
//
// max_attempts bounds the failed attempts against a healthy upstream. An attempt that failed while the upstream
// succeeded for nobody is a deferral: it does not count, and only expires_at bounds it (jobs/replay/verdict.h decides).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/temp_file.h"

namespace tidegate::jobs {

// `accepting`: a record whose work item is not yet known to be with the broker (RecordStore::admit). Nobody was
// promised it: it is not found, not counted, and deleted after a while.
enum class JobStatus : uint8_t { queued, running, retrying, succeeded, dead, cancelled, expired, accepting };
inline constexpr int kJobStatusCount = 7;  // without accepting
const char* to_string(JobStatus status);
inline bool is_final(JobStatus s) {
  return s == JobStatus::succeeded || s == JobStatus::dead || s == JobStatus::cancelled || s == JobStatus::expired;
}

// What happens to a job, as metrics and the log name it.
enum class JobEvent : uint8_t { accepted, replayed, succeeded, retried, deferred, dead, cancelled, expired };
inline constexpr int kJobEventCount = 8;
const char* to_string(JobEvent event);

using FieldList = std::vector<std::pair<std::string, std::string>>;
// The X-Request-Id of the request that became the job; "": it has none.
std::string_view request_id_of(const FieldList& fields);
// The value of the field of that name; "" = there is none.
std::string_view value_of(const FieldList& fields, std::string_view name);

// A body on its way into a store: in memory, or in a temporary file. Readable from the store's thread.
struct BodyContent {
  std::string memory;
  std::shared_ptr<const net::FileContent> file;  // instead of memory
  uint64_t size() const { return file ? file->size() : memory.size(); }
};

struct JobDraft {
  std::string id;     // 32 hex digits, unguessable
  std::string route;  // configured name: whose policies replay it
  std::string method;
  std::string target;
  FieldList fields;  // end-to-end fields, already without the dropped and hop-by-hop ones
  BodyContent body;
  std::string body_ref;    // instead of a body: the URL that it is fetched from at each replay
  std::string dedupe_key;  // Idempotency-Key; "" = none. Unique within the queue, together with the payload
  WallTime created_at;
  WallTime expires_at;
  WallTime not_before{};  // not handed out earlier
  int max_attempts = 5;
  bool external = false;  // RecordStore only: the work item is with a broker; begins as accepting, never claimed
};

struct AttemptRecord {
  WallTime at;
  Duration took{};
  std::string error;  // "timeout", "connect_failure", "503", …
  int deferrals = 0;  // 0: it counts. Else so many deferrals in a row with this error, the last of them at `at`
};

struct JobRecord {
  std::string id;
  std::string route;
  JobStatus status = JobStatus::queued;
  int attempt = 0;  // attempts begun so far, without deferrals
  int max_attempts = 5;
  int deferrals = 0;  // since it was accepted or replayed; the history holds the last ones
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<WallTime> next_attempt_at;  // not before; retrying, or queued and not due since it was created
  std::optional<WallTime> finished_at;
  uint64_t position = 0;  // jobs before it, 0 = next; only while queued or retrying
  std::string last_error;
  uint16_t result_status = 0;  // the status of the response that is the job's result; 0: there is none (any more)
  std::vector<AttemptRecord> history;
  // The request.
  std::string method;
  std::string target;
  uint64_t body_size = 0;
  std::string body_ref;
  int replays = 0;  // by operators, since it was accepted
};

// A job handed out for an attempt. The claim number fences: what a lost lease reports is refused (conflict).
struct ClaimedJob {
  std::string id;
  uint64_t claim = 0;
  std::string route;
  std::string method;
  std::string target;
  FieldList fields;
  uint64_t body_size = 0;
  std::string body_ref;  // where not empty, the body is fetched from there
  int attempt = 1;       // this attempt, 1-based
  int max_attempts = 5;
  WallTime created_at{};
  WallTime expires_at{};
  std::string dedupe_key;
  int deferrals = 0;        // before this attempt
  WallTime attempted_at{};  // the end of the attempt before; of a replayed job at least the replay. Zero: none
};

struct StoredResponse {
  uint16_t status = 0;
  FieldList fields;  // end-to-end fields
  BodyContent body;
};

}  // namespace tidegate::jobs
