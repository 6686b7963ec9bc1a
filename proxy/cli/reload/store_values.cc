#include "cli/reload/store_values.h"

#include <algorithm>
#include <iterator>

namespace tidegate::cli {

namespace {

constexpr std::string_view kQueues = "queues.";
constexpr std::string_view kIdentity[] = {".results.url", ".url", ".spool", ".durability"};
constexpr std::string_view kTls[] = {".results.tls.ca_file",
                                     ".results.tls.cert_file",
                                     ".results.tls.key_file",
                                     ".results.tls.server_name",
                                     ".results.tls.min_version",
                                     ".results.tls.handshake_timeout",
                                     ".tls.ca_file",
                                     ".tls.cert_file",
                                     ".tls.key_file",
                                     ".tls.server_name",
                                     ".tls.min_version",
                                     ".tls.handshake_timeout"};

// By any of the keys of a store.
std::string queue_of_any(std::string_view path) {
  for (const StoreKeys keys : {StoreKeys(kIdentity), StoreKeys(kTls)}) {
    if (std::string queue = queue_of(path, keys); !queue.empty()) return queue;
  }
  return "";
}

}  // namespace

StoreKeys identity_keys() { return kIdentity; }
StoreKeys tls_keys() { return kTls; }

std::string queue_of(std::string_view path, StoreKeys keys) {
  if (!path.starts_with(kQueues)) return "";
  path.remove_prefix(kQueues.size());
  for (const std::string_view key : keys) {
    if (path.ends_with(key)) return std::string(path.substr(0, path.size() - key.size()));
  }
  return "";
}

StoreValues store_values(const config::Effective& effective) {
  StoreValues values;
  for (auto at = effective.values.lower_bound(std::string(kQueues)); at != effective.values.end(); ++at) {
    if (!at->first.starts_with(kQueues)) break;
    if (!queue_of_any(at->first).empty()) values.insert(*at);
  }
  return values;
}

StoreValues of_queues(const StoreValues& values, const std::function<bool(const std::string&)>& is_wanted) {
  StoreValues wanted;
  for (const auto& value : values) {
    if (is_wanted(queue_of_any(value.first))) wanted.insert(value);
  }
  return wanted;
}

std::vector<StoreDifference> differences(const StoreValues& opened, const StoreValues& next,
                                         const std::function<bool(const std::string&)>& stays) {
  StoreValues configured = of_queues(next, stays);
  for (const auto& [path, value] : opened) configured.try_emplace(path);
  std::vector<StoreDifference> found;
  for (const auto& [path, value] : configured) {
    const auto known = opened.find(path);
    const config::EffectiveValue before = known == opened.end() ? config::EffectiveValue() : known->second;
    if (value.text != before.text && stays(queue_of_any(path))) found.push_back({path, before, value});
  }
  return found;
}

std::vector<StoreDifference> of_keys(const std::vector<StoreDifference>& all, StoreKeys keys) {
  std::vector<StoreDifference> found;
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const StoreDifference& each) { return !queue_of(each.path, keys).empty(); });
  return found;
}

}  // namespace tidegate::cli
