// The sections of the file, one reader each: what they find goes into the Config, what is wrong into the section's
// errors. The defaults are those of config.h and policy/.
#pragma once

#include "config/config.h"
#include "config/section.h"

namespace tidegate::config {

void read_config(Section& root, Config& out);

void read_upstream(Section& section, Upstream& out);
void read_queue(Section& section, Queue& out);
void read_listener(Section& section, Listener& out);
void read_route(Section& section, Route& out);

// Sections that stand in several places.
policy::BreakerConfig read_breaker(Section& section);
policy::BulkheadConfig read_bulkhead(Section& section);
void read_backoff(Section& section, policy::BackoffConfig& out);
// A list of conditions; false: absent or bad, `out` is untouched. `decisions`: may it name breaker_open, bulkhead_full?
bool read_conditions(Section& section, std::string_view key, policy::Conditions& out, bool decisions);
void read_rate_limit(Section& section, RateLimit& out);
void read_fallback(Section& section, Fallback& out);

}  // namespace tidegate::config
