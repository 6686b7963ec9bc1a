// The job queue on Redis (7.0 and later): records, bodies, results and the work itself on a server that several
// Tidegates may share. Each change is one script there (scripts.h); the queue lives on a thread of its own.
//
//   loops ──calls──▶ store's thread, a loop of its own ──redis::Client──▶ server
//
// Confirms only where the server has the change on its disk: at each connection, and every second, its settings are
// read back, and where they do not promise that (AOF fsynced always, nothing evicted) the queue is unavailable and says
// why. A server that is unreachable, stopped, read-only or out of memory makes it unavailable, until it has recovered.
//
// A call that ended as `unavailable` may have been executed. For an append see `undo_failed_appends`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jobs/job_queue.h"
#include "jobs/shared_limits.h"
#include "net/tls/connect_server.h"
#include "redis/address.h"

namespace tidegate::jobs {

struct RedisQueueOptions {
  redis::Address address;
  net::TlsServer tls = {};  // where it is rediss://
  std::string name;         // of the queue: its keys begin with `tidegate:{name}:`
  SharedLimits limits = {};
  bool strict = true;  // false: the operator's word that the server keeps what it has acknowledged
  // A failed append whose record turns up all the same is cancelled, once the server has recovered. False: the caller
  // appends again under the same id (the local spool), and takes `conflict` for success; then only an append whose
  // caller has gone is undone.
  bool undo_failed_appends = true;
  Duration command_timeout = std::chrono::seconds(2);  // of one command; a body takes several
  Duration poll_every = std::chrono::seconds(1);  // the view, the settings, and whether a refused server has recovered
  Duration open_wait = std::chrono::milliseconds(500);  // opening waits so long for a first reply, at most
  size_t pending_max = 4096;                            // calls in flight; more end as unavailable
  // How long each change took, from the call to the reply; called on the store's thread.
  std::function<void(Duration)> on_commit = {};
};

// Never fails: where the server is unreachable or not durable the queue opens unavailable, and checks again and again.
// The queue's last calls must have completed or been dropped before the runtimes they came from end.
std::unique_ptr<RecordStore> open_redis_queue(const RedisQueueOptions& options);

}  // namespace tidegate::jobs
