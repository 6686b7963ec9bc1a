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

#include <list>
#include <memory>

#include "core/upstream/endpoint.h"
#include "net/runtime.h"

namespace tidegate::core {

class EndpointMonitor {
 public:
  // The runtime outlives the monitor and all endpoints that it is given.
  explicit EndpointMonitor(net::Runtime& runtime);
  ~EndpointMonitor();
  EndpointMonitor(const EndpointMonitor&) = delete;
  EndpointMonitor& operator=(const EndpointMonitor&) = delete;

  // A new endpoint: from now on, for as long as it exists, or until another of the same upstream and authority takes
  // its place. The first check comes within an interval.
  void add(const std::shared_ptr<Endpoint>& endpoint);

 private:
  class Watch;

  net::Runtime& runtime_;
  std::list<Watch> watches_;
};

}  // namespace tidegate::core
