// The values by which the stores of queues are opened, once: a running process keeps them, whatever its file says
// later.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/effective.h"

namespace tidegate::cli {

// By path.
using StoreValues = std::map<std::string, config::EffectiveValue>;

// Of all queues. Any thread; it looks at every value.
StoreValues store_values(const config::Effective& effective);
// Of the queues that `is_wanted` names.
StoreValues of_queues(const StoreValues& values, const std::function<bool(const std::string&)>& is_wanted);

using StoreKeys = std::span<const std::string_view>;
// A store that is opened by another of these is another store.
StoreKeys identity_keys();
// Of a connection of an open store, which goes on with them.
StoreKeys tls_keys();

// NAME of "queues.NAME.KEY", if KEY is one of the keys; else "".
std::string queue_of(std::string_view path, StoreKeys keys);

struct StoreDifference {
  std::string path;
  config::EffectiveValue before, after;  // "": the key is absent
};

// From `opened` to `next`, of the queues that stay, as `stays` says.
std::vector<StoreDifference> differences(const StoreValues& opened, const StoreValues& next,
                                         const std::function<bool(const std::string&)>& stays);
std::vector<StoreDifference> of_keys(const std::vector<StoreDifference>& all, StoreKeys keys);

}  // namespace tidegate::cli
