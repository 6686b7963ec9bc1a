// What a file may say and cannot mean: sections that nothing uses, and values without an effect. Only values that the
// file has are looked at, never defaults.
#pragma once

#include "config/config.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"

namespace tidegate::config {

// REQUIRES that `config` is without errors. `root`: the document that it was read from.
void find_warnings(const Config& config, const Node& root, Diagnostics& warnings);

}  // namespace tidegate::config
