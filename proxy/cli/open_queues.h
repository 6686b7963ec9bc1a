// Opens the configured queues: each on its store, and those on a server with a local spool. Where another process may
// take them over (`handover`), they are HandoverQueues, which can open their stores again: by what they were opened
// with.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "core/routing/policies.h"
#include "jobs/spool/queue.h"
#include "metrics/metrics.h"
#include "net/runtime.h"

namespace tidegate::cli {

class QueueOpener;

// The stores of one queue, open. Any thread may hold and end them.
struct OpenStores {
  std::unique_ptr<jobs::JobQueue> store;
  std::unique_ptr<jobs::SqliteSpool> spool;             // of a queue on a server
  std::shared_ptr<const QueueOpener> opener = nullptr;  // opens them again; of open_stores()
};
using Names = std::set<std::string>;

// Of those queues of the configuration. `metrics` outlives the stores. Any thread. Blocks on files, never on a server:
// a queue whose server is unavailable opens all the same, and so does one whose file is damaged or another program's:
// it takes no jobs, and says why. Errors: conflict (another process uses the file).
Result<std::map<std::string, OpenStores>> open_stores(const config::Config& config, const Names& queues,
                                                      metrics::Metrics& metrics);
// Puts the spools in front of the stores. `runtime`: the event loop that forwards them, on whose thread this is; it
// outlives the queues.
core::Policies::QueueStores start_queues(std::map<std::string, OpenStores> stores, net::Runtime& runtime,
                                         bool handover);
// Both, for all queues of the configuration.
Result<core::Policies::QueueStores> open_queues(const config::Config& config, metrics::Metrics& metrics,
                                                net::Runtime& runtime, bool handover);

// The queues that a route with a callback uses: they need a store of callbacks.
Names queues_with_callbacks(const config::Config& config);
// Opens the stores of callbacks (core/replay/callbacks.h) of those queues: for each an SQLite file next to the queue's
// own (or its spool's), named like it plus ".callbacks.db". Any thread. Blocks. Errors: as above.
Result<core::Policies::QueueStores> open_callback_stores(const config::Config& config, const Names& queues,
                                                         metrics::Metrics& metrics, bool handover);

}  // namespace tidegate::cli
