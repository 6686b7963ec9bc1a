// What sony/gobreaker and golang.org/x/time/rate decided on recorded event sequences, event by event.
#include <filesystem>
#include <fstream>
#include <map>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "policy/breaker.h"
#include "policy/rate_limiter.h"

namespace tidegate::policy {

namespace {

using nlohmann::json;

// The recorded traces, or nothing where they are not at hand.
json traces(const char* name) {
  const std::filesystem::path path = std::filesystem::path(TIDEGATE_SOURCE_DIR) / "../shared/vectors" / name;
  std::ifstream file(path);
  if (!file) {
    MESSAGE("skipped: " << path << " is not there");
    return json::array();
  }
  return json::parse(file);
}

BreakerConfig breaker_config(const json& config) {
  BreakerConfig result;
  result.consecutive_failures = config["consecutive_failures"];
  result.failure_ratio = config["failure_ratio"];
  result.min_requests = config["min_requests"];
  result.window = Duration(config["window_ns"].get<int64_t>());
  result.window_buckets = 1;
  result.open_for = result.open_for_max = Duration(config["open_for_ns"].get<int64_t>());
  result.half_open_requests = config["half_open_requests"];
  result.half_open_timeout = std::chrono::hours(24 * 365);
  return result;
}

std::string decision(const Breaker::Acquired& acquired) {
  if (!acquired.refused) return "allowed";
  return acquired.refused->state == BreakerState::open ? "refused_open" : "refused_half_open";
}

// Runs one trace; returns the first event that disagrees, or -1.
int first_difference(const json& trace) {
  Breaker breaker("vector", breaker_config(trace["config"]), Time(), 1);
  std::map<int64_t, Permit> calls;
  int index = 0;
  for (const json& event : trace["events"]) {
    const Time now(Duration(event[0].get<int64_t>()));
    const std::string what = event[1];
    if (what == "start") {
      Breaker::Acquired acquired = breaker.acquire(now);
      if (decision(acquired) != event[3]) return index;
      if (!acquired.refused) calls[event[2]] = std::move(acquired.permit);
    } else if (what == "finish") {
      calls.at(event[2]).report(event[3] == "success" ? Verdict::success : Verdict::failure, now);
    }
    breaker.advance(now);
    if (to_string(breaker.view(now).state) != event[4].get<std::string>()) return index;
    ++index;
  }
  return -1;
}

}  // namespace

TEST_CASE("the breaker decides as gobreaker did, event by event") {
  for (const json& trace : traces("breaker.json")) {
    CAPTURE(trace["name"].get<std::string>());
    CAPTURE(trace["seed"].get<int64_t>());
    CHECK(first_difference(trace) == -1);
  }
}

TEST_CASE("the token bucket decides as x/time/rate did, event by event") {
  for (const json& trace : traces("token_bucket.json")) {
    CAPTURE(trace["seed"].get<int64_t>());
    RateLimitConfig config;
    config.rate_per_s = trace["rate_per_s"];
    config.burst = trace["burst"];
    RateLimiter limiter(config);
    int wrong = 0;
    for (const json& event : trace["events"]) {
      const Time now(Duration(event[0].get<int64_t>()));
      wrong += limiter.check(RateKey{1, 2}, now, event[1].get<double>()).allowed != event[2].get<bool>();
    }
    CHECK(wrong == 0);
  }
}

}  // namespace tidegate::policy
