#include "core/upstream/lookup_report.h"

#include "base/log.h"

namespace tidegate::core {

net::LookupObserver report_lookups(const std::string& upstream, metrics::UpstreamMetrics& metrics) {
  return [upstream, &metrics, failing = false](const net::WatchedName& name, const Status& result) mutable {
    metrics.looked_up(result.ok());
    if (result.ok() != failing) return;  // as the last time
    failing = !failing;
    const size_t addresses = name.view().addresses.size();
    if (failing) {
      log_warn("upstream_name_unavailable", {{"upstream", upstream},
                                             {"name", name.host()},
                                             {"reason", result.error().message},
                                             {"addresses_kept", addresses}});
    } else {
      log_info("upstream_name_recovered", {{"upstream", upstream}, {"name", name.host()}, {"addresses", addresses}});
    }
  };
}

}  // namespace tidegate::core
