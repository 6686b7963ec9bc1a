// Tidegate's own responses: problem+json (RFC 9457) with the outcome as `reason`, Proxy-Status (RFC 9209), X-Request-Id
// and, where it helps, Retry-After; and the 202 of an accepted job.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "http/server/server.h"
#include "policy/outcome.h"
#include "policy/rate_limiter.h"

namespace tidegate::core {

// Retry-After for a wait: whole seconds, at least 1, lengthened at random by up to a fifth, so that the clients of one
// outage do not all return at the same moment.
int64_t retry_after_seconds(Duration wait, Random& random);

struct Problem {
  policy::Outcome outcome;
  std::string_view detail;
  std::string_view request_id;
  std::optional<int64_t> retry_after_s;
  std::string extra_fields;  // more "Name: value\r\n" lines
};

// The outcome of an invalid request.
policy::Outcome outcome_of(const http::ParseError& error);

// One sentence for clients: "The upstream is failing; its circuit breaker is open."
std::string_view describe(policy::Outcome outcome);

std::string problem_body(const Problem& problem, uint16_t status);
std::string problem_fields(const Problem& problem);
// Responds with the problem and the status of its outcome.
void send_problem(http::Responder& responder, const Problem& problem);
// The same for a request that is refused: 429 and 503 have a Retry-After, of a second where nothing better is known.
void send_refusal(http::Responder& responder, Problem problem, std::optional<Duration> retry_after);

// RateLimit, RateLimit-Policy and X-RateLimit-Limit (draft-ietf-httpapi-ratelimit-headers) as field lines.
std::string rate_limit_fields(const policy::RateDecision& decision, const policy::RateLimitConfig& limit);

// The fields of the route's own response, sent in place of a response from the upstream.
std::string fallback_fields(policy::Outcome why, std::string_view request_id);

}  // namespace tidegate::core
