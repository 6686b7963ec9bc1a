// What the calls of a spooled queue work with. All of it outlives them.
#pragma once

#include "jobs/job_queue.h"
#include "jobs/sqlite/queue.h"

namespace tidegate::jobs {

class SpoolForwarder;
class ServerCancellations;

struct SpoolParts {
  JobQueue& server;
  SqliteSpool& spool;
  SpoolForwarder& forwarder;
  ServerCancellations& cancellations;
};

// Jobs in the spool that are on their way to the server.
inline uint64_t spool_open_jobs(const QueueView& spool) {
  uint64_t open = 0;
  for (size_t i = 0; i < spool.depth.size(); ++i) {
    if (!is_final(static_cast<JobStatus>(i))) open += spool.depth[i];
  }
  return open;
}

}  // namespace tidegate::jobs
