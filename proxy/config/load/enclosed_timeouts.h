// Warnings about timeouts that never elapse, since a shorter one ends the same wait first.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/load/location.h"
#include "config/load/route_use.h"
#include "config/yaml/diagnostics.h"

namespace tidegate::config {

// `uses`: every route of `config`.
void warn_of_enclosed_timeouts(const Config& config, const std::vector<RouteUse>& uses, const Location& root,
                               Diagnostics& warnings);

}  // namespace tidegate::config
