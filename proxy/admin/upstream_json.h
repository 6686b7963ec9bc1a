// Upstreams as JSON, as operators see them.
#pragma once

#include <string>

#include "admin/clock.h"
#include "core/upstream/upstream.h"

namespace tidegate::admin {

// The last failed attempt, with when, where and why, in the words of the log; "null": none yet. `upstream`: whose it
// is.
std::string last_failure_json(const core::FailureNote& note, const core::Upstream& upstream, const Clock& clock);
std::string upstream_json(core::Upstream& upstream, const Clock& clock);

}  // namespace tidegate::admin
