#include "core/responses.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "http/message/problem.h"

namespace tidegate::core {

using policy::Outcome;

namespace {

constexpr double kRetrySpread = 0.2;

// The registered proxy error type (RFC 9209 section 2.3) for an outcome; "": none fits.
std::string_view proxy_error(Outcome outcome) {
  switch (outcome) {
    case Outcome::connect_failure: return "connection_refused";
    case Outcome::reset: return "connection_terminated";
    case Outcome::timeout: return "connection_read_timeout";
    case Outcome::bad_upstream_response: return "http_protocol_error";
    case Outcome::bulkhead_full:
    case Outcome::pool_full: return "connection_limit_reached";
    case Outcome::breaker_open: return "destination_unavailable";
    case Outcome::rate_limited: return "http_request_denied";
    case Outcome::bad_request:
    case Outcome::no_route:
    case Outcome::method_not_allowed:
    case Outcome::body_too_large:
    case Outcome::headers_too_large:
    case Outcome::idempotency_conflict:
    case Outcome::client_timeout: return "http_request_error";
    default: return "";
  }
}

}  // namespace

int64_t retry_after_seconds(Duration wait, Random& random) {
  const double later = to_seconds(wait) * (1 + kRetrySpread * random.uniform());
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(later)));
}

Outcome outcome_of(const http::ParseError& error) {
  switch (error.status) {
    case 408: return Outcome::client_timeout;
    case 413: return Outcome::body_too_large;
    case 431: return Outcome::headers_too_large;
    default: return Outcome::bad_request;
  }
}

std::string_view describe(Outcome outcome) {
  switch (outcome) {
    case Outcome::rate_limited: return "Too many requests from this client.";
    case Outcome::breaker_open: return "The upstream is failing; its circuit breaker is open.";
    case Outcome::bulkhead_full: return "The upstream is at its concurrency limit; no slot became free in time.";
    case Outcome::pool_full: return "All connections to the upstream are in use; none became free in time.";
    case Outcome::buffer_full:
      return "The request body could not be buffered: there is no room for it, or the disk is too slow.";
    case Outcome::queue_unavailable: return "The job queue cannot store the request durably.";
    case Outcome::queue_full: return "The job queue is full.";
    case Outcome::draining: return "The proxy is shutting down.";
    case Outcome::connect_failure: return "Could not connect to the upstream.";
    case Outcome::reset: return "The upstream closed the connection before its response was complete.";
    case Outcome::bad_upstream_response: return "The upstream sent a response that is not valid HTTP.";
    case Outcome::timeout: return "The upstream did not respond in time.";
    case Outcome::bad_request: return "The request is not valid HTTP.";
    case Outcome::no_route: return "No route of this listener matches the request.";
    case Outcome::method_not_allowed: return "The route does not allow this method.";
    case Outcome::body_too_large: return "The request body exceeds the size limit.";
    case Outcome::headers_too_large: return "The request headers exceed the size limit.";
    case Outcome::client_timeout: return "The request did not arrive in time.";
    case Outcome::not_found: return "The job does not exist or has been deleted.";
    case Outcome::job_not_finished: return "The job has not finished yet.";
    case Outcome::job_conflict: return "The status of the job does not allow this operation.";
    case Outcome::job_failed: return "The last attempt of the job failed.";
    case Outcome::idempotency_conflict: return "The idempotency key was already used with a different payload.";
    case Outcome::result_gone: return "The job has no result: it was cancelled, or it or its result has expired.";
    default: return "";
  }
}

std::string problem_body(const Problem& problem, uint16_t status) {
  const std::string type = std::string("urn:tidegate:problem:") + to_string(problem.outcome);
  const std::string_view detail = problem.detail.empty() ? describe(problem.outcome) : problem.detail;
  const http::Problem body{status, to_string(problem.outcome), detail, problem.request_id, "", type};
  if (!problem.retry_after_s) return http::problem_json(body);
  return http::problem_json(body, {{"retry_after", std::to_string(*problem.retry_after_s)}});
}

std::string problem_fields(const Problem& problem) {
  std::string fields = fmt::format("X-Request-Id: {}\r\n", problem.request_id);
  if (problem.retry_after_s) fmt::format_to(std::back_inserter(fields), "Retry-After: {}\r\n", *problem.retry_after_s);
  const std::string_view error = proxy_error(problem.outcome);
  fmt::format_to(std::back_inserter(fields), "Proxy-Status: tidegate{}{}; details=\"{}\"\r\n",
                 error.empty() ? "" : "; error=", error, to_string(problem.outcome));
  return fields + problem.extra_fields;
}

void send_problem(http::Responder& responder, const Problem& problem) {
  const uint16_t status = status_of(problem.outcome);
  responder.respond(status, http::kProblemContentType, problem_body(problem, status), problem_fields(problem));
}

void send_refusal(http::Responder& responder, Problem problem, std::optional<Duration> retry_after) {
  const uint16_t status = status_of(problem.outcome);
  if (status == 429 || status == 503) {
    problem.retry_after_s = retry_after_seconds(retry_after.value_or(1s), responder.runtime().random());
  }
  send_problem(responder, problem);
}

std::string rate_limit_fields(const policy::RateDecision& decision, const policy::RateLimitConfig& limit) {
  const bool is_window = limit.algorithm == policy::RateAlgorithm::sliding_window;
  const int64_t quota = is_window ? limit.count : static_cast<int64_t>(limit.burst);
  // token_bucket: the time in which an empty bucket fills.
  const double window_s = is_window ? to_seconds(limit.window) : limit.burst / limit.rate_per_s;
  return fmt::format(
      "RateLimit-Policy: \"default\";q={};w={}\r\nRateLimit: \"default\";r={};t={}\r\nX-RateLimit-Limit: {}\r\n", quota,
      std::max<int64_t>(static_cast<int64_t>(std::ceil(window_s)), 1), static_cast<int64_t>(decision.remaining),
      ceil_seconds(decision.reset_after), quota);
}

std::string fallback_fields(Outcome why, std::string_view request_id) {
  return fmt::format("X-Request-Id: {}\r\nProxy-Status: tidegate; details=\"{}\"\r\n", request_id, to_string(why));
}

}  // namespace tidegate::core
