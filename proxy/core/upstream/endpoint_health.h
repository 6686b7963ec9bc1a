// What connecting has shown of one endpoint, for operators: whether it can be reached, since when not, and why. Nothing
// is probed for it: requests, jobs and breakers' probes connect. One for each endpoint in the process; thread-safe.
//
//   healthy ──a connect fails──▶ unavailable ──a connect succeeds, or a kept connection brings a response──▶ healthy
//
// Logged once when it becomes unavailable (upstream_endpoint_unavailable) and once when it has recovered
// (upstream_endpoint_recovered); where it goes up and down, at most once in ten seconds.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tidegate::core {

class EndpointHealth {
 public:
  EndpointHealth(std::string upstream, std::string endpoint)
      : upstream_(std::move(upstream)), endpoint_(std::move(endpoint)) {}

  // A connect has succeeded, or a response has come.
  void reached(Time now);
  void connect_failed(std::string_view reason, Time now);

  struct Failure {
    Time at;
    std::string reason;
  };
  struct View {
    uint64_t failed_connects = 0;         // in a row; 0: healthy, or never connected to
    std::optional<Time> since;            // of the first of them
    std::optional<Failure> last_failure;  // also after it has recovered
    bool healthy() const { return failed_connects == 0; }
  };
  View view() const;

 private:
  const std::string upstream_;
  const std::string endpoint_;
  mutable std::mutex mutex_;
  std::atomic<uint64_t> failed_connects_{0};  // written under the lock; read without one where all is well
  Time since_{};
  std::optional<Failure> last_failure_;
  bool announced_ = false;  // as unavailable: the log is owed the recovery
  std::optional<Time> next_announcement_at_;
};

}  // namespace tidegate::core
