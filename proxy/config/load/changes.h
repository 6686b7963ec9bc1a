// What changes from one configuration to another.
#pragma once

#include <string>
#include <vector>

#include "config/yaml/effective.h"

namespace tidegate::config {

struct Change {
  std::string path;  // "upstreams.optimizer.bulkhead.max_concurrent"
  std::string what;  // "8 -> 16", "(not set) -> 16", "added", "removed", "changed", "order changed"
  std::string to_string() const { return path + ": " + what; }
};

// By path. A named section that only one of them has is one change, as is a section without keys; of others each value
// that the file has. A value that is absent on one side of a section that both have is its default there.
std::vector<Change> find_changes(const Effective& before, const Effective& after);

}  // namespace tidegate::config
