// The checks across sections: references to upstreams and queues, unique names, addresses and files, unreachable
// routes. They also run on a Config with errors; invalid values are skipped.
#pragma once

#include "config/config.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"

namespace tidegate::config {

// `root`: the document that `config` was read from, for the locations of its values.
void check_config(const Config& config, const Node& root, Diagnostics& errors);

}  // namespace tidegate::config
