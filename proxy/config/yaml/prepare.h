// The pass between parsing and reading: refuses YAML that no section may contain (duplicate keys, merge keys, anchors,
// aliases, tags) and substitutes ${...}. After it, every key of the tree is a scalar and unique in its section.
#pragma once

#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"
#include "config/yaml/substitution.h"

namespace tidegate::config {

void prepare(Node& node, const std::string& path, const Environment& environment, Diagnostics& errors);

}  // namespace tidegate::config
