// Tells operators of the look-ups of an upstream's names: each in a metric, a failure and its end in the log, once.
#pragma once

#include <string>

#include "metrics/metrics.h"
#include "net/names/name_watcher.h"

namespace tidegate::core {

// For one name. `metrics` outlives the observer.
net::LookupObserver report_lookups(const std::string& upstream, metrics::UpstreamMetrics& metrics);

}  // namespace tidegate::core
