#include "cli/reload/restart.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "net/tls/tls_context.h"

namespace tidegate::cli {

namespace {

// It connects with the files with which it would if it was opened now.
bool has_files_of(const config::Queue& config, const jobs::JobQueue& open) {
  const auto contexts = open.tls();
  const auto is_open = [&](const net::TlsClientConfig* wanted) {
    return std::any_of(contexts.begin(), contexts.end(), [&](const jobs::TlsContextPtr& context) {
      return context->is_for_servers(*wanted, net::TlsContext::Alpn::none);
    });
  };
  const auto wanted = config.tls();
  return std::all_of(wanted.begin(), wanted.end(), is_open);
}

bool has_files_of(const config::Queue& config, const config::Queue& before) {
  const auto known = before.tls();
  const auto is_known = [&](const net::TlsClientConfig* wanted) {
    return std::any_of(known.begin(), known.end(), [&](const auto* each) { return *each == *wanted; });
  };
  const auto wanted = config.tls();
  return std::all_of(wanted.begin(), wanted.end(), is_known);
}

std::vector<StoreDifference> store_differences(const Candidate& next, const Running& running) {
  return differences(running.opened, next.stores, [&](const std::string& name) {
    return running.queues.contains(name) && next.config.queues.contains(name);
  });
}

// The queues that a change of `tls.ca_file` would reach: those whose own keys have not changed.
std::vector<std::string> with_other_authorities(const Candidate& next, const Running& running,
                                                const std::vector<StoreDifference>& own) {
  std::vector<std::string> found;
  for (const auto& [name, config] : next.config.queues) {
    const auto open = running.queues.find(name);
    if (open == running.queues.end() || open->second.connects_as(config)) continue;
    const bool is_own = std::any_of(
        own.begin(), own.end(), [&](const StoreDifference& each) { return queue_of(each.path, tls_keys()) == name; });
    if (!is_own) found.push_back(fmt::format("tls.ca_file: changed; queue {} keeps what it was opened with", name));
  }
  return found;
}

std::string shown_workers(int workers) { return workers == 0 ? "auto" : std::to_string(workers); }

}  // namespace

StartValues start_values(const config::Config& config) {
  return {config.workers, config.admin.address, config.takeover_socket};
}

Running running(const StartValues& start, const StoreValues& opened, core::Policies& policies,
                std::set<std::string> closing) {
  Running running{start, opened, {}, std::move(closing)};
  for (const auto& [name, state] : policies.queues()) {
    running.queues[name] = {
        !state.queue->tls().empty(), state.closing,
        [store = state.queue.get()](const config::Queue& config) { return has_files_of(config, *store); }};
  }
  return running;
}

Running started_by(const Candidate& configuration) {
  Running running{start_values(configuration.config), configuration.stores, {}};
  for (const auto& [name, queue] : configuration.config.queues) {
    running.queues[name] = {!queue.tls().empty(), false,
                            [&queue](const config::Queue& config) { return has_files_of(config, queue); }};
  }
  return running;
}

// Where only what is not shown differs, it is a password.
std::vector<StoreDifference> other_stores(const Candidate& next, const Running& running) {
  std::vector<StoreDifference> found = of_keys(store_differences(next, running), identity_keys());
  std::erase_if(found, [](const StoreDifference& each) { return each.before.shown == each.after.shown; });
  return found;
}

std::vector<std::string> needing_restart(const Candidate& next, const Running& running) {
  std::vector<std::string> found;
  const config::Config& config = next.config;
  const auto changed = [&](const std::string& path, const std::string& before, const std::string& after) {
    if (before != after) found.push_back(fmt::format("{}: {} -> {}", path, before, after));
  };
  changed("admin.address", running.start.admin.to_string(), config.admin.address.to_string());
  changed("takeover.socket", running.start.takeover_socket, config.takeover_socket);
  changed("workers", shown_workers(running.start.workers), shown_workers(config.workers));
  const std::vector<StoreDifference> all = store_differences(next, running);
  auto tls = of_keys(all, tls_keys());
  std::erase_if(tls, [&](const StoreDifference& each) {  // of a queue that speaks no TLS
    const std::string name = queue_of(each.path, tls_keys());
    return config.queues.at(name).tls().empty() && !running.queues.at(name).speaks_tls;
  });
  for (const StoreDifference& each : tls) changed(each.path, each.before.shown, each.after.shown);
  for (std::string& each : with_other_authorities(next, running, tls)) found.push_back(std::move(each));
  for (const StoreDifference& each : of_keys(all, identity_keys())) {
    if (each.before.shown == each.after.shown) found.push_back(each.path + ": changed");
  }
  return found;
}

}  // namespace tidegate::cli
