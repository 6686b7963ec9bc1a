// The policies that several sections configure: breaker, bulkhead, backoff, conditions.
#include <fmt/format.h>

#include "config/sections/sections.h"

namespace tidegate::config {

namespace {

constexpr int kCallsMax = 1'000'000;

void read_slow_call(Section& section, policy::SlowCallRule& out) {
  section.duration("threshold", out.threshold);
  if (section.number("ratio", out.ratio, 0, 1) && out.ratio <= 0) section.error("ratio", "must be greater than 0");
}

// Checks that concern several keys of a breaker.
void check_breaker(Section& section, const policy::BreakerConfig& breaker, bool good_times) {
  if (good_times) check_order(section, "open_for", breaker.open_for, "open_for_max", breaker.open_for_max);
  if (breaker.consecutive_failures == 0 && breaker.failure_ratio <= 0 && !breaker.slow_call) {
    section.error("consecutive_failures",
                  "the breaker can never open: consecutive_failures and failure_ratio are 0 and slow_call is absent; "
                  "set one of them");
  }
  if (breaker.window / breaker.window_buckets < 1ms) {
    section.error("window_buckets", "a bucket (window divided by window_buckets) is shorter than 1ms");
  }
}

}  // namespace

bool read_conditions(Section& section, std::string_view key, policy::Conditions& out, bool decisions) {
  const auto items = section.list(key, "a list such as `[connect_failure, 503]`");
  if (!items) return false;
  if (items->empty()) section.error(key, "is empty; list at least one condition");
  static const std::vector<std::string_view> kResults{"connect_failure", "timeout", "reset", "5xx"};
  static const std::vector<std::string_view> kAll{"breaker_open", "bulkhead_full", "pool_full", "connect_failure",
                                                  "timeout",      "reset",         "5xx"};
  policy::Conditions read;
  bool good = !items->empty();
  for (const Value& item : *items) {
    const auto name = section.scalar(item, "a condition");
    good = name && good;
    if (!name) continue;
    if (!decisions && (*name == "breaker_open" || *name == "bulkhead_full" || *name == "pool_full")) {
      good =
          section.refuse(item, "a condition", shown(*name) + " is decided before an attempt; use it in `fallback.on`");
    } else if (!read.add(*name)) {
      good = section.refuse(item, "a condition",
                            "unknown condition " + shown(*name) + suggestion(*name, decisions ? kAll : kResults) +
                                (nearest(*name, kAll) ? "" : ", or a status such as 503"));
    }
  }
  if (good) out = read;
  return good;
}

bool read_statuses(Section& section, std::string_view key, policy::Conditions& out) {
  const auto items = section.list(key, "a list such as `[2xx, 304]`");
  if (!items) return false;
  if (items->empty()) section.error(key, "is empty; list at least one status");
  policy::Conditions read;
  bool good = !items->empty();
  for (const Value& item : *items) {
    const auto status = section.scalar(item, "a status");
    good = status && good;
    // A response has another status than 1xx.
    if (!status || (*status >= "2" && *status < "6" && read.add(*status))) continue;
    good =
        section.refuse(item, "a status", shown(*status) + " is not a status such as 200, or a class from 2xx to 5xx");
  }
  if (good) out = read;
  return good;
}

void check_order(Section& section, std::string_view key, Duration value, std::string_view max_key, Duration max) {
  if (value <= max) return;
  section.error(section.has(max_key) ? max_key : key,
                fmt::format("{} ({}) is longer than {} ({})", key, show_duration(value), max_key, show_duration(max)));
}

policy::BreakerConfig read_breaker(Section& section) {
  policy::BreakerConfig breaker;
  section.integer("consecutive_failures", breaker.consecutive_failures, 0, kCountMax);
  section.number("failure_ratio", breaker.failure_ratio, 0, 1);
  section.integer("min_requests", breaker.min_requests, 1, kCountMax);
  section.duration("window", breaker.window);
  section.integer("window_buckets", breaker.window_buckets, 1, 1000);
  if (section.has("slow_call")) {
    section.child("slow_call", [&](Section& child) { read_slow_call(child, breaker.slow_call.emplace()); });
  } else {
    section.find("slow_call");
  }
  const bool good_open = section.duration("open_for", breaker.open_for);
  const bool good_max = section.duration("open_for_max", breaker.open_for_max);
  section.integer("half_open_requests", breaker.half_open_requests, 1, kCountMax);
  section.duration("half_open_timeout", breaker.half_open_timeout);
  read_conditions(section, "failures", breaker.failures, false);
  section.choice<policy::Mode>("mode", breaker.mode,
                               {{"enforce", policy::Mode::enforce}, {"shadow", policy::Mode::shadow}});
  check_breaker(section, breaker, good_open && good_max);
  return breaker;
}

policy::BulkheadConfig read_bulkhead(Section& section) {
  policy::BulkheadConfig bulkhead;
  section.integer("max_concurrent", bulkhead.max_concurrent, 1, kCallsMax);
  section.integer("max_waiting", bulkhead.max_waiting, 0, kCallsMax);
  section.duration("max_wait", bulkhead.max_wait, 0ms);
  return bulkhead;
}

void read_backoff(Section& section, policy::BackoffConfig& out) {
  const bool good_base = section.duration("base", out.base);
  const bool good_max = section.duration("max", out.max);
  section.choice<policy::Jitter>("jitter", out.jitter,
                                 {{"none", policy::Jitter::none},
                                  {"full", policy::Jitter::full},
                                  {"equal", policy::Jitter::equal},
                                  {"decorrelated", policy::Jitter::decorrelated}});
  if (good_base && good_max) check_order(section, "base", out.base, "max", out.max);
}

}  // namespace tidegate::config
