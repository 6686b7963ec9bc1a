// Opens the configured queues: each on its store, those on a server behind a local spool.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "core/gateway.h"
#include "metrics/metrics.h"
#include "net/runtime.h"

namespace tidegate::cli {

// `runtime`: the loop on which spools are forwarded; it and `metrics` outlive the queues. Blocking, but for no server:
// a queue whose server is away opens all the same. Errors: invalid, conflict (a file is not ours, or another
// process's).
Result<core::Gateway::Queues> open_queues(const config::Config& config, metrics::Metrics& metrics,
                                          net::Runtime& runtime);

// The stores of callbacks (core/replay/callbacks.h): one for each queue of which a route has a callback, an SQLite file
// beside the queue's own (or its spool's), named as that with ".callbacks.db" behind. Blocking. Errors: as above.
Result<core::Gateway::Queues> open_callback_stores(const config::Config& config, metrics::Metrics& metrics);

}  // namespace tidegate::cli
