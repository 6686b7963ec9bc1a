// Watches the dependencies of the service: checks them at an interval, sets their metrics, and logs each change as
// dependency_unavailable or dependency_recovered. Owned by the service; the dependencies are what the watch was given.
#pragma once

#include <optional>
#include <vector>

#include "api/metrics/metrics.h"
#include "api/ready/ready_check.h"
#include "net/timer.h"

namespace tidegate::api {

class DependencyWatch {
 public:
  // The first check begins after one interval. The runtime and the metrics must outlive the watch.
  DependencyWatch(net::Runtime& runtime, std::vector<Dependency> dependencies, Metrics& metrics, Duration interval);

  const std::vector<Dependency>& dependencies() const { return dependencies_; }
  // Records the findings of another check, as /ready makes one.
  void record(const ReadyCheck::Findings& findings);

 private:
  void check();

  net::Runtime& runtime_;
  const std::vector<Dependency> dependencies_;
  Metrics& metrics_;
  const Duration interval_;
  ReadyCheck::Findings latest_;  // "" before the first check
  std::optional<ReadyCheck> check_;
  net::Timer timer_;
};

}  // namespace tidegate::api
