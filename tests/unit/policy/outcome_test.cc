// The words and their statuses, as the contract lists them, and the conditions that operators write.
#include "policy/outcome.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace tidegate::policy {

TEST_CASE("Each outcome has the status that the contract gives it") {
  const struct {
    Outcome outcome;
    const char* word;
    uint16_t status;
  } cases[] = {
      {Outcome::proxied, "proxied", 0},
      {Outcome::rate_limited, "rate_limited", 429},
      {Outcome::breaker_open, "breaker_open", 503},
      {Outcome::bulkhead_full, "bulkhead_full", 503},
      {Outcome::pool_full, "pool_full", 503},
      {Outcome::buffer_full, "buffer_full", 503},
      {Outcome::queue_unavailable, "queue_unavailable", 503},
      {Outcome::queue_full, "queue_full", 503},
      {Outcome::draining, "draining", 503},
      {Outcome::connect_failure, "connect_failure", 502},
      {Outcome::reset, "reset", 502},
      {Outcome::bad_upstream_response, "bad_upstream_response", 502},
      {Outcome::timeout, "timeout", 504},
      {Outcome::queued, "queued", 202},
      {Outcome::bad_request, "bad_request", 400},
      {Outcome::no_route, "no_route", 404},
      {Outcome::method_not_allowed, "method_not_allowed", 405},
      {Outcome::body_too_large, "body_too_large", 413},
      {Outcome::headers_too_large, "headers_too_large", 431},
      {Outcome::client_timeout, "client_timeout", 408},
      {Outcome::client_closed, "client_closed", 499},
      {Outcome::idempotency_conflict, "idempotency_conflict", 422},
      {Outcome::job_not_finished, "job_not_finished", 409},
  };
  for (const auto& c : cases) {
    CHECK(to_string(c.outcome) == std::string(c.word));
    CHECK(status_of(c.outcome) == c.status);
  }
}

TEST_CASE("No two outcomes share a word") {
  std::set<std::string> words;
  for (int i = 0; i < kOutcomeCount; ++i) words.insert(to_string(static_cast<Outcome>(i)));
  CHECK(words.size() == kOutcomeCount);
}

TEST_CASE("A failed attempt has its outcome") {
  CHECK(outcome_of(AttemptResult::connect_failure) == Outcome::connect_failure);
  CHECK(outcome_of(AttemptResult::timeout) == Outcome::timeout);
  CHECK(outcome_of(AttemptResult::reset) == Outcome::reset);
  CHECK(outcome_of(AttemptResult::bad_response) == Outcome::bad_upstream_response);
}

TEST_CASE("Conditions know exactly their names") {
  for (const char* name : {"breaker_open", "bulkhead_full", "pool_full", "connect_failure", "timeout", "reset", "1xx",
                           "5xx", "100", "599"}) {
    CAPTURE(name);
    Conditions conditions;
    CHECK(conditions.add(name));
    CHECK_FALSE(conditions.empty());
  }
  for (const char* name : {"", "6xx", "0xx", "5x", "5xxx", "600", "099", "50", "5000", "x50", "5 0", "Timeout",
                           "queue_full", "bad_response", "5XX", " 503", "-50"}) {
    CAPTURE(name);
    Conditions conditions;
    CHECK_FALSE(conditions.add(name));
    CHECK(conditions.empty());
    CHECK(conditions.text().empty());
  }
}

TEST_CASE("Conditions match what they name and nothing else") {
  const Conditions conditions = *Conditions::of({"breaker_open", "timeout", "503", "4xx"});
  CHECK(conditions.has(Outcome::breaker_open));
  CHECK_FALSE(conditions.has(Outcome::bulkhead_full));
  CHECK_FALSE(conditions.has(Outcome::pool_full));
  CHECK(Conditions::of({"pool_full"})->has(Outcome::pool_full));
  CHECK(conditions.has(AttemptResult::timeout));
  CHECK_FALSE(conditions.has(AttemptResult::reset));
  CHECK_FALSE(conditions.has(AttemptResult::connect_failure));
  for (uint16_t status = 0; status < 1000; ++status) {
    CHECK(conditions.has_status(status) == (status == 503 || (status >= 400 && status < 500)));
  }
  CHECK(conditions.matches(AttemptResult::response, 404));
  CHECK_FALSE(conditions.matches(AttemptResult::response, 200));
  CHECK(conditions.matches(AttemptResult::timeout, 0));
  CHECK(conditions.text() == "breaker_open, timeout, 503, 4xx");
  CHECK_FALSE(Conditions::of({"timeout", "soon"}));
}

TEST_CASE("reset matches a broken response") {
  CHECK(Conditions::of({"reset"})->has(AttemptResult::bad_response));
  CHECK_FALSE(Conditions::of({"timeout", "5xx"})->has(AttemptResult::bad_response));
}

}  // namespace tidegate::policy
