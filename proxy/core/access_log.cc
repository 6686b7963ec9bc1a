#include "core/access_log.h"

#include <cmath>

#include "base/log.h"

namespace tidegate::core {

void log_access(const AccessEntry& entry, const config::Log& log) {
  const bool error = entry.outcome != policy::Outcome::proxied || entry.code >= 500;
  if (log.access == config::AccessLog::off || (log.access == config::AccessLog::errors && !error)) return;
  log_info("request", {{"outcome", to_string(entry.outcome)},
                       {"code", entry.code},
                       {"route", entry.route},
                       {"method", entry.head.method},
                       {"target", http::shown_target(entry.head.target, log.query)},
                       {"client", entry.client.to_string()},
                       {"took_ms", std::round(to_seconds(entry.took) * 10'000) / 10},
                       {"attempts", entry.attempts},
                       {"endpoint", entry.endpoint},
                       {"bytes", entry.response_bytes},
                       {"bytes_in", entry.bytes_in},
                       {"upgrade", entry.upgrade},
                       {"reason", entry.reason},
                       {"request_id", entry.request_id},
                       {"job_id", entry.job_id}});
}

}  // namespace tidegate::core
