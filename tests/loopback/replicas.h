// Several Tidegates in this process, all on one event loop, which share the Redis of their configuration; and clients
// that send their next request as soon as they have a response.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/gateway.h"
#include "core/listeners.h"
#include "loopback/upstream.h"
#include "metrics/metrics.h"
#include "net/uv/uv_runtime.h"
#include "redis/client.h"
#include "unit/http/raw_client.h"

namespace tidegate::loopback {

class Replicas {
 public:
  // `count` Tidegates with one route at / that has this rate_limit (and `more` settings).
  Replicas(int count, const std::string& rate_limit, const std::string& more = "");
  ~Replicas();

  // Runs the event loop until `ready`; fails the test if that takes too long.
  void until(const char* what, const std::function<bool()>& ready);
  // Waits until the store of every replica is usable, or until none is.
  void until_store_is(bool usable);
  // Opens `connections` to each replica, each with one request in flight at any time, until stop().
  void load(int connections);
  void stop() { callers_.clear(); }
  SocketAddress address(size_t index) const { return replicas_.at(index).listeners->address(0); }
  // Sends one request to replica `index` and returns the whole response.
  std::string ask(size_t index);

  // Responses to the load so far, by status; 0: broken connections.
  std::map<int, uint64_t> responses;
  uint64_t responses_total() const;
  std::string metrics(size_t index);
  size_t logged(const std::string& event) const;

  net::UvRuntime runtime{13};
  std::vector<std::string> log;

 private:
  struct Replica {
    std::unique_ptr<metrics::Metrics> metrics;
    std::unique_ptr<core::Gateway> gateway;
    std::unique_ptr<core::Worker> worker;
    std::unique_ptr<core::Listeners> listeners;
  };
  struct Caller {
    SocketAddress to;
    std::unique_ptr<test::RawClient> client;
  };
  void take_responses(Caller& caller);

  Upstream upstream_{runtime};
  std::vector<Replica> replicas_;
  std::vector<Caller> callers_;
};

// Records every admission into a sliding window by polling its log in Redis: member and time in µs.
class AdmissionLog {
 public:
  AdmissionLog(net::Runtime& runtime, const redis::Address& address, std::string key, Duration every);
  // The maximum number of admissions in any half-open interval of that length.
  size_t most_in_any(Duration window) const;
  size_t size() const { return admitted_.size(); }

 private:
  void look();

  redis::Client client_;
  const std::string key_;
  const Duration every_;
  std::unique_ptr<net::Operation> looking_;
  std::map<std::string, int64_t> admitted_;
  net::Timer timer_;
};

}  // namespace tidegate::loopback
