// How requests and attempts end. One outcome has one word, the same in the response (`reason`), the access log
// (`outcome`) and the metrics (label `outcome`). And the conditions that `failures:` and `on:` lists are made of.
#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tidegate::policy {

enum class Outcome : uint8_t {
  proxied,
  queued,
  responded,  // the fallback response of the route
  rate_limited,
  breaker_open,
  bulkhead_full,
  pool_full,    // our own limits left no connection to the upstream
  buffer_full,  // neither memory nor a temporary file for the body
  queue_unavailable,
  queue_full,
  draining,
  connect_failure,
  reset,
  bad_upstream_response,
  timeout,
  bad_request,
  no_route,
  method_not_allowed,
  body_too_large,
  headers_too_large,
  client_timeout,
  client_closed,
  not_found,  // jobs interface: no such job
  job_not_finished,
  job_conflict,          // to cancel a job that runs or has ended
  job_failed,            // the result of a dead job
  result_gone,           // results.ttl is over, or there never was a result
  idempotency_conflict,  // the key belongs to a job with a different payload
};
inline constexpr int kOutcomeCount = static_cast<int>(Outcome::idempotency_conflict) + 1;

const char* to_string(Outcome outcome);
// The status of Tidegate's own response; 499 for client_closed; 0 if Tidegate does not choose it (proxied, responded).
uint16_t status_of(Outcome outcome);

// How one attempt at the upstream ended.
enum class AttemptResult : uint8_t { response, connect_failure, timeout, reset, bad_response };
const char* to_string(AttemptResult result);
// The outcome of a request whose last attempt ended so. REQUIRES: result != response.
Outcome outcome_of(AttemptResult result);

// How an attempt failed, before its response or inside it.
struct AttemptFailure {
  AttemptResult result;         // not `response`
  bool upstreams_fault = true;  // false: the client was slow or late, or the upstream was given too little time
  Duration upstream_time{};     // before the response headers: how long the upstream alone was waited for
};

// A set of conditions: a decision of a policy, the failure of an attempt, or the status of its response.
class Conditions {
 public:
  // Adds a condition by its name in the YAML: breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset,
  // "503", "5xx". False: unknown name.
  bool add(std::string_view name);
  bool empty() const { return flags_ == 0 && statuses_.none(); }

  bool has(Outcome refused) const;  // breaker_open, bulkhead_full, pool_full
  // `reset` also matches an invalid response (bad_response).
  bool has(AttemptResult failed) const;  // REQUIRES: failed != response
  bool has_status(uint16_t status) const { return status < statuses_.size() && statuses_[status]; }
  bool matches(AttemptResult result, uint16_t status) const {
    return result == AttemptResult::response ? has_status(status) : has(result);
  }

  // The names in the order of add(), as in "breaker_open, 502, 5xx".
  const std::string& text() const { return text_; }

  static std::optional<Conditions> of(std::initializer_list<std::string_view> names);
  friend bool operator==(const Conditions&, const Conditions&) = default;

 private:
  uint8_t flags_ = 0;
  std::bitset<600> statuses_;
  std::string text_;
};

enum class Mode : uint8_t { enforce, shadow };  // shadow: decide, count, never act

// Whether a job is done with a response of this status; what shows that an upstream is healthy.
inline bool is_result(uint16_t status) { return status < 500 && status != 408 && status != 425 && status != 429; }

}  // namespace tidegate::policy
