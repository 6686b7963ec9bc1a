// The walk between parsing and reading: reports what no section may hold (repeated keys, merge keys, anchors, aliases,
// tags) and substitutes ${...}. After it every key of the tree is a scalar and stands once in its section.
#pragma once

#include "config/document.h"

namespace tidegate::config {

void prepare(Node& node, const std::string& path, const Environment& environment, Diagnostics& errors);

}  // namespace tidegate::config
