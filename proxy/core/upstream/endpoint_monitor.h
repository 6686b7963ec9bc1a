// What happens to endpoints by time, on one loop (the main loop) for the whole process: their health checks, and the
// end of their ejections.
//
//   for each endpoint:  waiting ──its time──▶ checking ──a response, a failure, timeout──▶ check_succeeded, check_failed
//                          ▲                                                                        │
//                          └───── interval ± 10 % after the check began, never before its end ◀─────┘
//
// A check is a GET on a connection of its own. It counts neither for the breaker, the bulkhead nor max_connections, and
// where Tidegate itself has no descriptor or port for it, it says nothing of the endpoint.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/upstream/endpoint.h"
#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::core {

class EndpointMonitor {
 public:
  // The runtime outlives the monitor and all endpoints that it is given.
  explicit EndpointMonitor(net::Runtime& runtime);
  ~EndpointMonitor();
  EndpointMonitor(const EndpointMonitor&) = delete;
  EndpointMonitor& operator=(const EndpointMonitor&) = delete;

  // A new endpoint: from now on, for as long as it exists, or until another of the same upstream and authority takes
  // its place. The first check comes within an interval. Of thousands, some begin in each iteration of the loop.
  void add(const std::shared_ptr<Endpoint>& endpoint);

 private:
  class Watch;
  static constexpr size_t kSweepAtLeast = 16;
  static constexpr int kWatchedAtOnce = 50;
  void watch_some();
  void watch(const std::shared_ptr<Endpoint>& endpoint);
  void sweep();

  net::Runtime& runtime_;
  std::deque<std::weak_ptr<Endpoint>> added_;  // not watched yet
  net::Timer next_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Watch>> watches_;  // by upstream and authority
  size_t sweep_at_ = kSweepAtLeast;  // so many watches: what is over goes, seldom enough to cost each add little
};

}  // namespace tidegate::core
