// What an operator asks of the queues, read from method, path, query and body. Pure.
//
//   GET    /api/queues                        what there is
//   GET    /api/queues/NAME/jobs              ?status=&error=&after=&limit=   a page
//   DELETE /api/queues/NAME/jobs              ?status=&error=&limit=          purges many that have ended
//   GET    /api/queues/NAME/jobs/ID           one, with its history
//   DELETE /api/queues/NAME/jobs/ID           purges one that has ended, cancels one that waits
//   POST   /api/queues/NAME/jobs/ID/replay    {"force","reason"}
//   POST   /api/queues/NAME/replay            {"status":"dead","error","limit","rate","force","reason"}   many
//   DELETE /api/queues/NAME/replay            stops that
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "admin/guard.h"
#include "jobs/job_queue.h"

namespace tidegate::admin {

struct JobsRequest {
  enum class Ask { queues, list, purge_many, show, purge, replay, replay_many, stop_replay };
  Ask ask = Ask::queues;
  std::string queue;
  std::string id;
  jobs::JobFilter filter;     // list, purge_many, replay_many
  uint64_t limit = 1000;      // purge_many, replay_many: at most so many jobs
  Duration interval = 100ms;  // replay_many: between two jobs
  bool force = false;
  std::string reason;

  bool changes() const { return ask != Ask::queues && ask != Ask::list && ask != Ask::show; }
};

bool is_jobs_path(std::string_view path);
// The path and the query; or why not.
std::variant<JobsRequest, Refused> read_request(const http::RequestHead& head);
// Adds what the JSON body says; none: well. An empty body says nothing.
std::optional<Refused> read_body(std::string_view body, JobsRequest& request);

std::optional<jobs::JobStatus> parse_status(std::string_view word);

}  // namespace tidegate::admin
