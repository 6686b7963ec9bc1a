// The words of Tidegate. One decision has one word, the same in the response (`reason`), the access log (`outcome`) and
// the metrics (label `outcome`). And the conditions that operators name in `failures:` and `on:` lists.
#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate::policy {

enum class Outcome : uint8_t {
  proxied,
  queued,
  responded,  // the route's own fallback response
  rate_limited,
  breaker_open,
  bulkhead_full,
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
  not_found,  // the jobs interface: no such job
  job_not_finished,
  job_conflict,          // cancelling what runs or has ended
  job_failed,            // the result of a dead job
  result_gone,           // the result has outlived results.ttl
  idempotency_conflict,  // the key has made a job of another payload
};
inline constexpr int kOutcomeCount = static_cast<int>(Outcome::idempotency_conflict) + 1;

const char* to_string(Outcome outcome);
// The status of Tidegate's own answer; 499 for client_closed; 0 where it is not Tidegate's to choose (proxied,
// responded).
uint16_t status_of(Outcome outcome);

// What one try at the upstream came to.
enum class AttemptResult : uint8_t { response, connect_failure, timeout, reset, bad_response };
const char* to_string(AttemptResult result);
// The outcome of a request whose last try came to that. REQUIRES result != response.
Outcome outcome_of(AttemptResult result);

// A set of conditions: what the policy itself decided, how a try failed, or a status of its answer.
class Conditions {
 public:
  // A name of the YAML: breaker_open, bulkhead_full, connect_failure, timeout, reset, "503", "5xx". False: no such
  // name.
  bool add(std::string_view name);
  bool empty() const { return flags_ == 0 && statuses_.none(); }

  bool has(Outcome refused) const;  // breaker_open, bulkhead_full
  // A broken answer (bad_response) is matched by `reset`.
  bool has(AttemptResult failed) const;  // REQUIRES failed != response
  bool has_status(uint16_t status) const { return status < statuses_.size() && statuses_[status]; }
  bool matches(AttemptResult result, uint16_t status) const {
    return result == AttemptResult::response ? has_status(status) : has(result);
  }

  // "breaker_open, 502, 5xx" as given, for `config` and tests.
  const std::string& text() const { return text_; }

  static std::optional<Conditions> of(std::initializer_list<std::string_view> names);

 private:
  uint8_t flags_ = 0;
  std::bitset<600> statuses_;
  std::string text_;
};

enum class Mode : uint8_t { enforce, shadow };  // shadow: decide, count, never act

}  // namespace tidegate::policy
