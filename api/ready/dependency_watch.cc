#include "api/ready/dependency_watch.h"

#include <utility>

#include "base/log.h"

namespace tidegate::api {

DependencyWatch::DependencyWatch(net::Runtime& runtime, std::vector<Dependency> dependencies, Metrics& metrics,
                                 Duration interval)
    : runtime_(runtime),
      dependencies_(std::move(dependencies)),
      metrics_(metrics),
      interval_(interval),
      timer_(runtime, [this] { check(); }) {
  for (const Dependency& dependency : dependencies_) metrics_.add_dependency(dependency.name);
  timer_.start_after(interval_);
}

void DependencyWatch::check() {
  check_.emplace(runtime_, dependencies_, [this](const ReadyCheck::Findings& findings) { record(findings); });
  timer_.start_after(interval_);
}

void DependencyWatch::record(const ReadyCheck::Findings& findings) {
  for (const auto& [name, reason] : findings) {
    metrics_.set_dependency(name, reason.empty());
    std::string& latest = latest_[name];
    if (latest == reason) continue;
    latest = reason;
    reason.empty() ? log_info("dependency_recovered", {{"dependency", name}})
                   : log_warn("dependency_unavailable", {{"dependency", name}, {"reason", reason}});
  }
}

}  // namespace tidegate::api
