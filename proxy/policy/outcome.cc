#include "policy/outcome.h"

#include "base/assert.h"

namespace tidegate::policy {

namespace {

struct OutcomeWord {
  const char* word;
  uint16_t status;
};

// In the order of the enum.
constexpr OutcomeWord kOutcomes[] = {
    {"proxied", 0},
    {"queued", 202},
    {"responded", 0},
    {"rate_limited", 429},
    {"breaker_open", 503},
    {"bulkhead_full", 503},
    {"pool_full", 503},
    {"buffer_full", 503},
    {"queue_unavailable", 503},
    {"queue_full", 503},
    {"draining", 503},
    {"connect_failure", 502},
    {"reset", 502},
    {"bad_upstream_response", 502},
    {"timeout", 504},
    {"bad_request", 400},
    {"no_route", 404},
    {"method_not_allowed", 405},
    {"body_too_large", 413},
    {"headers_too_large", 431},
    {"client_timeout", 408},
    {"client_closed", 499},
    {"not_found", 404},
    {"job_not_finished", 409},
    {"job_conflict", 409},
    {"job_failed", 502},
    {"result_gone", 410},
    {"idempotency_conflict", 422},
};
static_assert(std::size(kOutcomes) == kOutcomeCount);

enum Flag : uint8_t {
  kBreakerOpen = 1,
  kBulkheadFull = 2,
  kConnectFailure = 4,
  kTimeout = 8,
  kReset = 16,
  kPoolFull = 32,
};

uint8_t flag_of(std::string_view name) {
  if (name == "breaker_open") return kBreakerOpen;
  if (name == "bulkhead_full") return kBulkheadFull;
  if (name == "pool_full") return kPoolFull;
  if (name == "connect_failure") return kConnectFailure;
  if (name == "timeout") return kTimeout;
  if (name == "reset") return kReset;
  return 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

const char* to_string(Outcome outcome) { return kOutcomes[static_cast<size_t>(outcome)].word; }
uint16_t status_of(Outcome outcome) { return kOutcomes[static_cast<size_t>(outcome)].status; }

const char* to_string(AttemptResult result) {
  switch (result) {
    case AttemptResult::response: return "response";
    case AttemptResult::connect_failure: return "connect_failure";
    case AttemptResult::timeout: return "timeout";
    case AttemptResult::reset: return "reset";
    case AttemptResult::bad_response: return "bad_response";
  }
  return "unknown";
}

Outcome outcome_of(AttemptResult result) {
  switch (result) {
    case AttemptResult::connect_failure: return Outcome::connect_failure;
    case AttemptResult::timeout: return Outcome::timeout;
    case AttemptResult::reset: return Outcome::reset;
    case AttemptResult::bad_response: return Outcome::bad_upstream_response;
    case AttemptResult::response: break;
  }
  TG_ASSERT(false);
}

bool Conditions::add(std::string_view name) {
  if (const uint8_t flag = flag_of(name)) {
    flags_ |= flag;
  } else if (name.size() == 3 && name[0] >= '1' && name[0] <= '5' && name.substr(1) == "xx") {
    const int base = (name[0] - '0') * 100;
    for (int status = base; status < base + 100; ++status) statuses_.set(static_cast<size_t>(status));
  } else if (name.size() == 3 && name[0] >= '1' && name[0] <= '5' && is_digit(name[1]) && is_digit(name[2])) {
    statuses_.set(static_cast<size_t>((name[0] - '0') * 100 + (name[1] - '0') * 10 + (name[2] - '0')));
  } else {
    return false;
  }
  if (!text_.empty()) text_ += ", ";
  text_ += name;
  return true;
}

bool Conditions::has(Outcome refused) const {
  return (refused == Outcome::breaker_open && (flags_ & kBreakerOpen)) ||
         (refused == Outcome::bulkhead_full && (flags_ & kBulkheadFull)) ||
         (refused == Outcome::pool_full && (flags_ & kPoolFull));
}

bool Conditions::has(AttemptResult failed) const {
  switch (failed) {
    case AttemptResult::connect_failure: return flags_ & kConnectFailure;
    case AttemptResult::timeout: return flags_ & kTimeout;
    case AttemptResult::reset:
    case AttemptResult::bad_response: return flags_ & kReset;
    case AttemptResult::response: break;
  }
  TG_ASSERT(false);
}

std::optional<Conditions> Conditions::of(std::initializer_list<std::string_view> names) {
  Conditions conditions;
  for (const std::string_view name : names) {
    if (!conditions.add(name)) return std::nullopt;
  }
  return conditions;
}

}  // namespace tidegate::policy
