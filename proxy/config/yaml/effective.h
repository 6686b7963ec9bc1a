// The effective values of a configuration: each by its path, the defaults of absent keys included, so that two
// configurations can be compared whatever keys they have.
//
//   tree ──readers (Section)──▶ TypedValues: what the typed readers made of present and absent keys
//     └──────────────────────────────────────┬──▶ Effective
//                                   every scalar and list
//
// In a path, an item of a list of named sections is called by its name: "listeners.egress.routes.optimize.upstream".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/yaml/document.h"

namespace tidegate::config {

struct EffectiveValue {
  std::string text;     // for comparison; may be a secret
  std::string shown;    // without secrets, shortened
  bool written = true;  // in the file; else it is the default of a key that is absent there
};

struct Effective {
  std::map<std::string, EffectiveValue> values;
  // The names of the sections of each list that has named ones, in their order, by the path of the list.
  std::map<std::string, std::vector<std::string>> orders;
};

// By the path of the section (with indices, as in messages): each key, and the value in force, in one spelling.
using TypedValues = std::unordered_map<std::string, std::vector<std::pair<std::string, std::string>>>;

// `root`: as prepare() has left it.
Effective effective_values(const Node& root, const TypedValues& typed);

}  // namespace tidegate::config
