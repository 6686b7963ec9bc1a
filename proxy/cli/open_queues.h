// Opens the configured queues: each on its store, and those on a server with a local spool.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "core/routing/policies.h"
#include "metrics/metrics.h"
#include "net/runtime.h"

namespace tidegate::cli {

// `runtime`: the event loop that forwards the spools; it and `metrics` outlive the queues. Blocks on files, never on a
// server: a queue whose server is unavailable opens all the same, and so does one whose file is damaged or another
// program's: it takes no jobs, and says why. Errors: conflict (another process uses the file).
Result<core::Policies::QueueStores> open_queues(const config::Config& config, metrics::Metrics& metrics,
                                                net::Runtime& runtime);

// Opens the stores of callbacks (core/replay/callbacks.h): for each queue that a route with a callback uses, an SQLite
// file next to the queue's own (or its spool's), named like it plus ".callbacks.db". Blocks. Errors: as above.
Result<core::Policies::QueueStores> open_callback_stores(const config::Config& config, metrics::Metrics& metrics);

}  // namespace tidegate::cli
