// What no section can check by itself: names that must exist, things that must not be twice, routes that no request can
// reach. Runs on what was read, also when it has errors: a value that was bad is left out.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/document.h"

namespace tidegate::config {

// `root`: the document that `config` was read from, for the places of its values.
void check_config(const Config& config, const Node& root, Diagnostics& errors);

}  // namespace tidegate::config
