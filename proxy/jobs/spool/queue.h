// A queue on a server (Redis, RabbitMQ) with a local spool before it: while the server is unavailable, stalled,
// read-only or blocked, jobs are committed to an SQLite file here, and forwarded when it has recovered, in order, once.
//
//   append ──server healthy, spool empty──▶ server ──▶ promised
//      │ else, or no reply in time             │ unavailable
//      └──────────────────────────────────▶ spool ──▶ promised ──forwarder──▶ server (same id) ──▶ removed here
//
// An append whose reply did not come may have been stored by the server all the same. The spool then takes the job
// under the same id, and the forwarder's append finds it there (conflict): it is one job. Where neither took it, nobody
// was promised anything, and what the server may have is cancelled (cancellations.h).
//
// All other calls query the spool first, where it holds anything, and the server then: a job moves in that direction
// only, and is in both for a moment rather than in neither. Jobs are run from the server alone.
#pragma once

#include <memory>

#include "jobs/job_queue.h"
#include "jobs/sqlite/queue.h"

namespace tidegate::jobs {

struct SpooledOptions {
  std::string name;                  // for the log
  std::unique_ptr<JobQueue> server;  // must not undo an append that failed in doubt: the spool takes the same id
  std::unique_ptr<SqliteSpool> spool;
};

// `runtime`: the loop that forwards; it outlives the queue and is not one of those that wait for it.
std::unique_ptr<JobQueue> make_spooled_queue(net::Runtime& runtime, SpooledOptions options);

}  // namespace tidegate::jobs
