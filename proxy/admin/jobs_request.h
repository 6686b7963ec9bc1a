// A request about queues and jobs, read from the query and the body. Pure. The endpoints are in routes.cc; parameters:
//
//   list         ?status=&error=&after=&limit=
//   purge_many   ?status=&error=&limit=&reason=      status is required: succeeded, dead, cancelled or expired
//   purge        ?reason=
//   replay       {"force","reason"}
//   replay_many  {"status":"dead","error","limit","rate","force","reason"}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admin/guard.h"
#include "jobs/job_queue.h"

namespace tidegate::admin {

struct JobsRequest {
  enum class Operation { list_queues, list, purge_many, show, purge, replay, replay_many, stop_replay };
  Operation operation = Operation::list_queues;
  std::string queue;
  std::string id;
  jobs::JobFilter filter;     // list, purge_many, replay_many
  uint64_t limit = 1000;      // purge_many, replay_many: the maximum number of jobs
  Duration interval = 100ms;  // replay_many: between two jobs
  bool force = false;
  std::string reason;
};

const char* to_string(JobsRequest::Operation operation);

// Adds the parameters of the query. Returns why the request is refused; none: it is valid.
std::optional<Refused> read_query(std::string_view query, JobsRequest& request);
// Adds the members of the JSON body, likewise. An empty body is valid.
std::optional<Refused> read_body(std::string_view body, JobsRequest& request);

}  // namespace tidegate::admin
