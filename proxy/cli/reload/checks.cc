#include "cli/reload/checks.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "net/tls/tls_context.h"
#include "net/uv/port.h"

namespace tidegate::cli {

namespace {

using Keys = std::span<const std::string_view>;

constexpr std::string_view kQueues = "queues.";
// A store that is opened by another of these is another store.
constexpr std::string_view kIdentity[] = {".results.url", ".url", ".spool", ".durability"};
// Of a connection of an open store, which goes on with them.
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
constexpr std::string_view kLimits[] = {".max_jobs", ".max_bytes", ".min_free_disk", ".results.ttl"};

// NAME of "queues.NAME.KEY", if KEY is one of the keys; else "".
std::string queue_of(std::string_view path, Keys keys) {
  if (!path.starts_with(kQueues)) return "";
  path.remove_prefix(kQueues.size());
  for (const std::string_view key : keys) {
    if (path.ends_with(key)) return std::string(path.substr(0, path.size() - key.size()));
  }
  return "";
}

// The same for all the keys of a store.
std::string queue_of(std::string_view path) {
  for (const Keys keys : {Keys(kIdentity), Keys(kTls), Keys(kLimits)}) {
    if (std::string queue = queue_of(path, keys); !queue.empty()) return queue;
  }
  return "";
}

struct Difference {
  std::string path;
  config::EffectiveValue before, after;  // "": the key is absent
};

// Of the open queues that `next` has too.
std::vector<Difference> differences(const Candidate& next, core::Policies& policies, const StoreValues& opened) {
  const auto stays = [&](const std::string& name) {
    return policies.queues().contains(name) && next.config.queues.contains(name);
  };
  StoreValues configured = of_queues(next.stores, stays);
  for (const auto& [path, value] : opened) configured.try_emplace(path);
  std::vector<Difference> found;
  for (const auto& [path, value] : configured) {
    const auto known = opened.find(path);
    const config::EffectiveValue before = known == opened.end() ? config::EffectiveValue() : known->second;
    if (value.text != before.text && stays(queue_of(path))) found.push_back({path, before, value});
  }
  return found;
}

std::vector<Difference> of_keys(const std::vector<Difference>& all, Keys keys) {
  std::vector<Difference> found;
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const Difference& each) { return !queue_of(each.path, keys).empty(); });
  return found;
}

// The file that such a value names; "": none, it is on a server.
std::string file_of(const std::string& path, const std::string& text) {
  constexpr std::string_view kScheme = "sqlite://";
  if (text.starts_with(kScheme)) return text.substr(kScheme.size());
  return path.ends_with(".spool") ? text : "";
}

// A queue that would be opened on the file of one that is open, as where it was renamed.
std::vector<std::string> refuse_open_files(const Candidate& next, core::Policies& policies, const StoreValues& opened) {
  std::vector<std::string> refused;
  for (const auto& [path, value] : next.stores) {
    const std::string name = queue_of(path, kIdentity);
    const std::string file = file_of(path, value.text);
    if (name.empty() || file.empty() || policies.queues().contains(name)) continue;
    for (const auto& [other, used] : opened) {
      const std::string owner = queue_of(other, kIdentity);
      if (owner.empty() || file_of(other, used.text) != file) continue;
      refused.push_back(
          fmt::format("{}: queue {} has that file open until a restart; give the new queue another file, "
                      "or restart to rename the queue",
                      path, owner));
    }
  }
  return refused;
}

// One listens where the other does.
bool overlap(const SocketAddress& one, const SocketAddress& other) {
  const auto is_any = [](const SocketAddress& address) {
    return address.ip == *IpAddress::parse("0.0.0.0") || address.ip == *IpAddress::parse("::");
  };
  return one.port == other.port && (one.ip == other.ip || is_any(one) || is_any(other));
}

// It connects with other files than it would if it was opened now.
bool has_other_files(const config::Queue& config, const jobs::JobQueue& open) {
  const auto contexts = open.tls();
  const auto is_open = [&](const net::TlsClientConfig* wanted) {
    return std::any_of(contexts.begin(), contexts.end(), [&](const jobs::TlsContextPtr& context) {
      return context->is_for_servers(*wanted, net::TlsContext::Alpn::none);
    });
  };
  const auto wanted = config.tls();
  return !std::all_of(wanted.begin(), wanted.end(), is_open);
}

// The queues that a change of `tls.ca_file` would reach: those whose own keys have not changed.
std::vector<std::string> with_other_authorities(const Candidate& next, core::Policies& policies,
                                                const std::vector<Difference>& own) {
  std::vector<std::string> found;
  for (const auto& [name, config] : next.config.queues) {
    const auto open = policies.queues().find(name);
    if (open == policies.queues().end() || !has_other_files(config, *open->second.queue)) continue;
    const bool is_own =
        std::any_of(own.begin(), own.end(), [&](const Difference& each) { return queue_of(each.path, kTls) == name; });
    if (!is_own) found.push_back(fmt::format("tls.ca_file: changed; queue {} keeps what it was opened with", name));
  }
  return found;
}

}  // namespace

StoreValues store_values(const config::Effective& effective) {
  StoreValues values;
  for (auto at = effective.values.lower_bound(std::string(kQueues)); at != effective.values.end(); ++at) {
    if (!at->first.starts_with(kQueues)) break;
    if (!queue_of(at->first).empty()) values.insert(*at);
  }
  return values;
}

StoreValues of_queues(const StoreValues& values, const std::function<bool(const std::string&)>& is_wanted) {
  StoreValues wanted;
  for (const auto& value : values) {
    if (is_wanted(queue_of(value.first))) wanted.insert(value);
  }
  return wanted;
}

std::string jobs_held(const std::string& name, const core::QueueState& queue) {
  using jobs::JobStatus;
  if (!queue.queue->view().available) return "an unknown number of jobs, for its store is unavailable";
  std::string kinds;
  uint64_t sum = 0;
  const auto count = [&](const jobs::JobQueue& store, const std::string& of, auto... statuses) {
    const jobs::QueueView view = store.view();
    for (const JobStatus status : {statuses...}) {
      const uint64_t jobs = view.depth[static_cast<size_t>(status)];
      if (jobs > 0) kinds += fmt::format("{}{} {}{}", kinds.empty() ? "" : ", ", jobs, to_string(status), of);
      sum += jobs;
    }
  };
  count(*queue.queue, "", JobStatus::queued, JobStatus::running, JobStatus::retrying, JobStatus::succeeded,
        JobStatus::dead);
  if (queue.callbacks) {
    count(*queue.callbacks, " in " + core::callbacks_name(name), JobStatus::queued, JobStatus::running,
          JobStatus::retrying, JobStatus::dead);
  }
  return sum == 0 ? "" : fmt::format("{} job{} ({})", sum, sum == 1 ? "" : "s", kinds);
}

// Where only what is not shown differs, it is a password.
std::vector<std::string> refuse_queues(const Candidate& next, core::Policies& policies, const StoreValues& opened) {
  std::vector<std::string> refused;
  for (const Difference& each : of_keys(differences(next, policies, opened), kIdentity)) {
    if (each.before.shown == each.after.shown) continue;
    const std::string name = queue_of(each.path, kIdentity);
    const std::string jobs = jobs_held(name, policies.queues().at(name));
    refused.push_back(fmt::format("{}: cannot be changed without a restart, for the queue is open{}", each.path,
                                  jobs.empty() ? "" : "; it holds " + jobs));
  }
  for (std::string& each : refuse_open_files(next, policies, opened)) refused.push_back(std::move(each));
  return refused;
}

std::vector<std::string> refuse_removals(const config::Config& next, core::Policies& policies) {
  std::vector<std::string> refused;
  for (const auto& [name, queue] : policies.queues()) {
    if (next.queues.contains(name)) continue;
    const std::string jobs = queue.appends > 0 ? "jobs that are being added" : jobs_held(name, queue);
    if (!jobs.empty()) refused.push_back(fmt::format("queues.{}: cannot be removed: it still holds {}", name, jobs));
  }
  return refused;
}

std::vector<std::string> refuse_admin(const config::Config& next, const StartValues& start) {
  if (start.admin.ip.is_loopback() || !next.admin.token.empty()) return {};
  return {
      fmt::format("admin.token: cannot be removed without a restart: the interface listens on {}, which is not a "
                  "loopback address",
                  start.admin.to_string())};
}

std::vector<std::string> refuse_addresses(const std::vector<SocketAddress>& ours, const config::Config& next) {
  std::vector<std::string> refused;
  for (const config::Listener& listener : next.listeners) {
    const bool is_ours = std::any_of(ours.begin(), ours.end(),
                                     [&](const SocketAddress& address) { return overlap(address, listener.address); });
    if (is_ours) continue;
    if (const Status status = net::check_port_is_free(listener.address); !status) {
      refused.push_back(fmt::format("listeners.{}.address: {}", listener.name, status.error().message));
    }
  }
  return refused;
}

std::vector<std::string> needing_restart(const Candidate& next, const StartValues& start, core::Policies& policies,
                                         const StoreValues& opened) {
  std::vector<std::string> found;
  const config::Config& config = next.config;
  const auto changed = [&](const std::string& path, const std::string& before, const std::string& after) {
    if (before != after) found.push_back(fmt::format("{}: {} -> {}", path, before, after));
  };
  const auto shown_workers = [](int workers) { return workers == 0 ? "auto" : std::to_string(workers); };
  changed("admin.address", start.admin.to_string(), config.admin.address.to_string());
  changed("takeover.socket", start.takeover_socket, config.takeover_socket);
  changed("workers", shown_workers(start.workers), shown_workers(config.workers));
  const std::vector<Difference> all = differences(next, policies, opened);
  for (const Difference& each : of_keys(all, kLimits)) {
    changed(each.path, each.before.shown, each.after.shown);
  }
  auto tls = of_keys(all, kTls);
  std::erase_if(tls, [&](const Difference& each) {  // of a queue that speaks no TLS
    std::string name = queue_of(each.path, kTls);
    return config.queues.at(name).tls().empty() && policies.queues().at(name).queue->tls().empty();
  });
  for (const Difference& each : tls) changed(each.path, each.before.shown, each.after.shown);
  for (std::string& each : with_other_authorities(next, policies, tls)) found.push_back(std::move(each));
  for (const Difference& each : of_keys(all, kIdentity)) {
    if (each.before.shown == each.after.shown) found.push_back(each.path + ": changed");
  }
  for (const auto& [name, queue] : policies.queues()) {
    if (!config.queues.contains(name)) found.push_back(fmt::format("queues.{}: removed; its files stay open", name));
  }
  return found;
}

}  // namespace tidegate::cli
