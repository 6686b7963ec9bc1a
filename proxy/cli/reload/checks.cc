#include "cli/reload/checks.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "net/uv/port.h"

namespace tidegate::cli {

namespace {

constexpr const char* kIsClosing =
    "the queue that was removed is still being closed; reload again when the log says that it is (queue_closed)";
constexpr const char* kInUse =
    "it has been removed, and stays open while requests or tunnels that began before use it, or it holds jobs "
    "(queue_kept_open); reload again when the log says that it is closed (queue_closed)";

// The file that such a value names; "": none, it is on a server.
std::string file_of(const std::string& path, const std::string& text) {
  constexpr std::string_view kScheme = "sqlite://";
  if (text.starts_with(kScheme)) return text.substr(kScheme.size());
  return path.ends_with(".spool") ? text : "";
}

// What to do, so that `owner` has its file open no longer.
std::string until_free(const std::string& owner, const Running& running) {
  if (running.closing.contains(owner)) return kIsClosing;
  const auto open = running.queues.find(owner);
  if (open != running.queues.end() && open->second.removed) return kInUse;
  return fmt::format("give the new queue another file, or remove queue {} by a reload of its own, before this one",
                     owner);
}

// Why it is not known what a store holds: what it last said may be old, or nothing yet. "": it is known.
std::string unknown_jobs(const jobs::QueueView& view) {
  constexpr const char* kUnknown = "an unknown number of jobs, for its";
  if (!view.available || !view.spool_unavailable.empty()) return fmt::format("{} store is unavailable", kUnknown);
  if (view.server_unavailable.empty()) return "";
  return fmt::format("{} server is unavailable ({})", kUnknown, view.server_unavailable);
}

// One listens where the other does.
bool overlap(const SocketAddress& one, const SocketAddress& other) {
  const auto is_any = [](const SocketAddress& address) {
    return address.ip == *IpAddress::parse("0.0.0.0") || address.ip == *IpAddress::parse("::");
  };
  return one.port == other.port && (one.ip == other.ip || is_any(one) || is_any(other));
}

}  // namespace

std::string jobs_held(const std::string& name, const core::QueueState& queue) {
  using jobs::JobStatus;
  for (const auto& store : {queue.queue, queue.callbacks}) {
    if (std::string unknown = store ? unknown_jobs(store->view()) : ""; !unknown.empty()) return unknown;
  }
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

std::string jobs_in(const std::string& name, const core::QueueState& queue) {
  return queue.appends > 0 ? "jobs that are being added" : jobs_held(name, queue);
}

std::vector<std::string> refuse_queues(const Candidate& next, const Running& running, core::Policies& policies) {
  std::vector<std::string> refused;
  for (const std::string& name : running.closing) {
    if (next.config.queues.contains(name)) refused.push_back(fmt::format("queues.{}: {}", name, kIsClosing));
  }
  for (const StoreDifference& each : other_stores(next, running)) {
    const std::string name = queue_of(each.path, identity_keys());
    const std::string jobs = jobs_held(name, policies.queues().at(name));
    const bool removed = running.queues.at(name).removed;
    refused.push_back(fmt::format("{}: {}{}", each.path,
                                  removed ? kInUse : "cannot be changed without a restart, for the queue is open",
                                  jobs.empty() ? "" : "; it holds " + jobs));
  }
  for (std::string& each : refuse_open_files(next, running)) refused.push_back(std::move(each));
  return refused;
}

std::vector<std::string> refuse_open_files(const Candidate& next, const Running& running) {
  std::vector<std::string> refused;
  for (const auto& [path, value] : next.stores) {
    const std::string name = queue_of(path, identity_keys());
    const std::string file = file_of(path, value.text);
    if (name.empty() || file.empty() || running.queues.contains(name)) continue;
    for (const auto& [other, used] : running.opened) {
      const std::string owner = queue_of(other, identity_keys());
      if (owner.empty() || file_of(other, used.text) != file) continue;
      refused.push_back(fmt::format("{}: queue {} has that file open; {}", path, owner, until_free(owner, running)));
    }
  }
  return refused;
}

std::vector<std::string> refuse_removals(const config::Config& next, const config::Config& in_force,
                                         core::Policies& policies) {
  std::vector<std::string> refused;
  for (const auto& [name, queue] : policies.queues()) {
    if (next.queues.contains(name) || !in_force.queues.contains(name)) continue;
    const std::string jobs = jobs_in(name, queue);
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

}  // namespace tidegate::cli
