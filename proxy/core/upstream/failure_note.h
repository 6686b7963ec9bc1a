// The last failed attempt, for operators: an upstream's, whatever the route, and each breaker's, of the attempts that
// it judges by its own list. Thread-safe.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::core {

// In the words of the log.
struct UpstreamFailure {
  Time at;
  size_t endpoint;
  policy::Outcome outcome;
  std::string reason;
};

class FailureNote {
 public:
  void note(UpstreamFailure failure) {
    const std::lock_guard lock(mutex_);
    last_ = std::move(failure);
  }
  std::optional<UpstreamFailure> last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<UpstreamFailure> last_;
};

class Upstream;

// What a breaker judges: by which list, of which upstream, and the last attempt that failed by it. Breaker and upstream
// outlive it.
struct JudgedFailures {
  JudgedFailures(const policy::Conditions& list, const Upstream& judged) : failures(list), upstream(judged) {}

  const policy::Conditions& failures;
  const Upstream& upstream;
  FailureNote note;
};

}  // namespace tidegate::core
