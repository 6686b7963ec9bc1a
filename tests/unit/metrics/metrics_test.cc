// What a scraper sees: every name and label of the contract, at 0 from the start, and what counting does to it.
#include "metrics/metrics.h"

#include <doctest/doctest.h>

#include "support/config_builder.h"
#include "unit/metrics/exposition.h"

namespace tidegate::metrics {

namespace {

std::shared_ptr<const config::Config> config() {
  return test::load_config(
      test::ConfigBuilder()
          .upstream("optimizer", "endpoints: ['http://127.0.0.1:3001'], breaker: {}, bulkhead: {}, retry_budget: {}")
          .upstream("plain", "endpoints: ['http://127.0.0.1:3002']")
          .queue("jobs", "url: 'sqlite:///tmp/unused.db', max_jobs: 500, max_bytes: 1MiB")
          .listener("address: 127.0.0.1:8081")
          .route("optimize",
                 "match: {methods: [POST, PROPFIND], path: /optimize}, upstream: optimizer, rate_limit: {rate: 10/s, "
                 "burst: 20}")
          .route("other", "match: {path: /other*}, upstream: plain, breaker: {}"));
}

struct Fixture {
  Exposition scrape() {
    const Exposition exposition(metrics->render());
    for (const std::string& error : exposition.errors()) FAIL_CHECK(error);
    return exposition;
  }
  // What admin/ does before each render.
  void set_gauges() {
    policy::Breaker breaker("optimizer", {}, Time{}, 1);
    for (const char* name : {"optimizer", "other"}) metrics->set_breaker(name, breaker.view(Time{} + 1s));
    metrics->set_upstream_pending("optimizer", 0);
    metrics->set_bulkhead("optimizer", 3, 2, 10);
    metrics->set_tracked_clients("optimize", 17);
    metrics->set_retry_budget("optimizer", 0.75);
    metrics->set_queue("jobs", {1, 2, 3, 4, 5, 6, 7}, 4096, 12.5, true);
    metrics->set_certificate_expiry("listener", "egress", WallTime(1'800'000'000s));
    metrics->set_loop_lag(0, 0.002);
    metrics->set_log_lines_dropped(0);
    metrics->set_buffered(0, 1);
    metrics->set_config_loaded(true, WallTime(1'700'000'000s));
  }
  std::unique_ptr<Metrics> metrics = Metrics::make(*config(), "1.2.3", "abc1234");
};

struct Expected {
  const char* name;
  const char* type;
  std::set<std::string> labels;
};

// The contract's list, of the families that there are.
const Expected kContract[] = {
    {"build_info", "gauge", {"version", "revision"}},
    {"http_requests_total", "counter", {"route", "method", "code", "outcome"}},
    {"http_request_duration_seconds", "histogram", {"route", "outcome"}},
    {"http_requests_in_flight", "gauge", {"route"}},
    {"tunnels_open", "gauge", {"route"}},
    {"upstream_request_duration_seconds", "histogram", {"upstream", "result"}},
    {"upstream_connections", "gauge", {"upstream", "state"}},
    {"upstream_pending_requests", "gauge", {"upstream"}},
    {"upstream_endpoint_healthy", "gauge", {"upstream", "endpoint"}},
    {"upstream_health_checks_total", "counter", {"upstream", "endpoint", "result"}},
    {"upstream_ejections_total", "counter", {"upstream", "endpoint"}},
    {"upstream_connections_refused_total", "counter", {"upstream", "reason"}},
    {"upstream_lookups_total", "counter", {"upstream", "result"}},
    {"listener_connections_refused_total", "counter", {"listener", "reason"}},
    {"listener_tls_handshakes_total", "counter", {"listener", "result"}},
    {"tls_certificate_expiry_timestamp_seconds", "gauge", {"section", "name"}},
    {"breaker_state", "gauge", {"breaker", "state"}},
    {"breaker_transitions_total", "counter", {"breaker", "from", "to", "reason"}},
    {"breaker_state_seconds_total", "counter", {"breaker", "state"}},
    {"breaker_calls_total", "counter", {"breaker", "result"}},
    {"ratelimit_decisions_total", "counter", {"route", "decision"}},
    {"ratelimit_tracked_clients", "gauge", {"route"}},
    {"bulkhead_in_use", "gauge", {"bulkhead"}},
    {"bulkhead_limit", "gauge", {"bulkhead"}},
    {"bulkhead_waiting", "gauge", {"bulkhead"}},
    {"retries_total", "counter", {"upstream", "result"}},
    {"retry_budget_remaining_ratio", "gauge", {"upstream"}},
    {"queue_depth", "gauge", {"queue", "status"}},
    {"queue_oldest_age_seconds", "gauge", {"queue"}},
    {"queue_bytes", "gauge", {"queue"}},
    {"queue_max_jobs", "gauge", {"queue"}},
    {"queue_max_bytes", "gauge", {"queue"}},
    {"queue_jobs_total", "counter", {"queue", "event"}},
    {"queue_refusals_total", "counter", {"queue", "reason"}},
    {"queue_missing", "gauge", {"queue", "what"}},
    {"queue_store_unavailable", "gauge", {"queue", "reason"}},
    {"queue_commit_seconds", "histogram", {"queue"}},
    {"queue_checkpoints_blocked_total", "counter", {"queue"}},
    {"dependency_up", "gauge", {"dependency"}},
    {"config_last_reload_successful", "gauge", {}},
    {"config_last_reload_success_timestamp_seconds", "gauge", {}},
    {"loop_lag_seconds", "gauge", {"worker"}},
    {"log_lines_dropped_total", "counter", {}},
    {"buffered_bytes", "gauge", {}},
    {"buffered_max_bytes", "gauge", {}},
};

}  // namespace

TEST_CASE("Every family has the name, the type and the labels of the contract, and there is no other") {
  Fixture fixture;
  fixture.set_gauges();
  fixture.metrics->route("optimize").begun();
  fixture.metrics->route("optimize").ended("POST", 200, policy::Outcome::proxied, 20ms);
  const Exposition text = fixture.scrape();
  std::set<std::string> known;
  for (const Expected& expected : kContract) {
    const std::string name = std::string("tidegate_") + expected.name;
    CAPTURE(name);
    known.insert(name);
    const auto family = text.families().find(name);
    REQUIRE(family != text.families().end());
    CHECK(family->second.type == expected.type);
    CHECK(text.label_sets(name) == std::set<std::set<std::string>>{expected.labels});
  }
  for (const auto& [name, family] : text.families()) {
    CAPTURE(name);
    CHECK((known.contains(name) || name.starts_with("process_")));
  }
}

TEST_CASE("Counters exist at 0 before the first event") {
  Fixture fixture;
  const Exposition text = fixture.scrape();
  CHECK(text.value("tidegate_build_info", {{"version", "1.2.3"}, {"revision", "abc1234"}}) == 1.0);
  for (const char* route : {"", "optimize", "other"}) {
    CAPTURE(route);
    CHECK(text.value("tidegate_http_requests_in_flight", {{"route", route}}) == 0.0);
    CHECK(text.value("tidegate_tunnels_open", {{"route", route}}) == 0.0);
    for (const char* decision : {"allowed", "limited", "would_limit"}) {
      CHECK(text.value("tidegate_ratelimit_decisions_total", {{"route", route}, {"decision", decision}}) == 0.0);
    }
  }
  for (const char* upstream : {"optimizer", "plain"}) {
    CAPTURE(upstream);
    for (const char* result : {"response", "connect_failure", "timeout", "reset", "bad_response", "cancelled"}) {
      CHECK(text.value("tidegate_upstream_request_duration_seconds_count",
                       {{"upstream", upstream}, {"result", result}}) == 0.0);
    }
    for (const char* result : {"done", "budget_exhausted"}) {
      CHECK(text.value("tidegate_retries_total", {{"upstream", upstream}, {"result", result}}) == 0.0);
    }
    for (const char* state : {"idle", "busy"}) {
      CHECK(text.value("tidegate_upstream_connections", {{"upstream", upstream}, {"state", state}}) == 0.0);
    }
  }
  for (const char* event : {"accepted", "replayed", "succeeded", "retried", "dead", "cancelled", "expired"}) {
    CHECK(text.value("tidegate_queue_jobs_total", {{"queue", "jobs"}, {"event", event}}) == 0.0);
  }
  for (const char* reason : {"max_jobs", "max_bytes", "min_free_disk", "disk_full", "body_too_large", "overloaded",
                             "store_damaged", "store_stalled", "store_timeout", "store_unavailable"}) {
    CHECK(text.value("tidegate_queue_refusals_total", {{"queue", "jobs"}, {"reason", reason}}) == 0.0);
  }
  CHECK(text.value("tidegate_queue_commit_seconds_count", {{"queue", "jobs"}}) == 0.0);
}

TEST_CASE("A queue's limits are exported from the start") {
  Fixture fixture;
  const Exposition text = fixture.scrape();
  CHECK(text.value("tidegate_queue_max_jobs", {{"queue", "jobs"}}) == 500.0);
  CHECK(text.value("tidegate_queue_max_bytes", {{"queue", "jobs"}}) == 1048576.0);
}

TEST_CASE("The refusals that are possible on a route exist at 0, by its methods") {
  Fixture fixture;
  const Exposition text = fixture.scrape();
  const auto zero = [&](const char* route, const char* method, const char* code, const char* outcome) {
    CAPTURE(method);
    CAPTURE(outcome);
    CHECK(text.value("tidegate_http_requests_total",
                     {{"route", route}, {"method", method}, {"code", code}, {"outcome", outcome}}) == 0.0);
  };
  for (const char* method : {"POST", "_OTHER"}) {
    zero("optimize", method, "202", "queued");
    zero("optimize", method, "429", "rate_limited");
    for (const char* outcome :
         {"breaker_open", "bulkhead_full", "pool_full", "buffer_full", "queue_unavailable", "queue_full"}) {
      zero("optimize", method, "503", outcome);
    }
    for (const char* outcome : {"connect_failure", "reset", "bad_upstream_response"}) {
      zero("optimize", method, "502", outcome);
    }
    zero("optimize", method, "504", "timeout");
  }
  for (const char* method : {"GET", "POST"}) zero("other", method, "503", "breaker_open");
  CHECK(text.families().at("tidegate_http_requests_total").samples.size() == 48);
  CHECK(text.sum("tidegate_http_requests_total") == 0);
}

TEST_CASE("A breaker's transitions exist at 0 for upstreams and routes that have one, and for no others") {
  Fixture fixture;
  const Exposition text = fixture.scrape();
  for (const char* breaker : {"optimizer", "other"}) {
    const auto zero = [&](const char* from, const char* to, const char* reason) {
      CAPTURE(reason);
      CHECK(text.value("tidegate_breaker_transitions_total",
                       {{"breaker", breaker}, {"from", from}, {"to", to}, {"reason", reason}}) == 0.0);
    };
    zero("closed", "open", "consecutive_failures");
    zero("closed", "open", "failure_ratio");
    zero("closed", "open", "slow_call_ratio");
    zero("open", "half_open", "open_for_elapsed");
    zero("half_open", "open", "probe_failed");
    zero("half_open", "open", "probe_timed_out");
    zero("closed", "open", "restored");
    zero("half_open", "closed", "probes_succeeded");
  }
  for (const Sample& sample : text.families().at("tidegate_breaker_transitions_total").samples) {
    CHECK((sample.labels.at("breaker") == "optimizer" || sample.labels.at("breaker") == "other"));
  }
}

TEST_CASE("A request that has ended is counted by its outcome, and by its method if that is a known one") {
  Fixture fixture;
  RouteMetrics& route = fixture.metrics->route("optimize");
  const char* methods[] = {"GET", "get", "PROPFIND", "", "POST\n", "_OTHER", "GETX"};
  for (const char* method : methods) {
    route.begun();
    route.ended(method, 200, policy::Outcome::proxied, 30ms);
  }
  route.begun();
  const Exposition text = fixture.scrape();
  const auto count = [&](const char* method) {
    return text.value("tidegate_http_requests_total",
                      {{"route", "optimize"}, {"method", method}, {"code", "200"}, {"outcome", "proxied"}});
  };
  CHECK(count("GET") == 1.0);
  CHECK(count("_OTHER") == 6.0);
  CHECK(text.sum("tidegate_http_requests_total") == 7);
  CHECK(text.value("tidegate_http_requests_in_flight", {{"route", "optimize"}}) == 1.0);
  const Labels duration = {{"route", "optimize"}, {"outcome", "proxied"}};
  CHECK(text.value("tidegate_http_request_duration_seconds_count", duration) == 7.0);
  CHECK(*text.value("tidegate_http_request_duration_seconds_sum", duration) == doctest::Approx(0.21));
  CHECK(text.sum("tidegate_http_request_duration_seconds_bucket", {{"le", "0.025"}}) == 0);
  CHECK(text.sum("tidegate_http_request_duration_seconds_bucket", {{"le", "0.05"}}) == 7);
}

TEST_CASE("Each known method and each outcome has its own label value") {
  Fixture fixture;
  RouteMetrics& route = fixture.metrics->route("other");
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    for (int outcome = 0; outcome < policy::kOutcomeCount; ++outcome) {
      route.begun();
      route.ended(method, 599, static_cast<policy::Outcome>(outcome), 1ms);
    }
  }
  const Exposition text = fixture.scrape();
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    for (int outcome = 0; outcome < policy::kOutcomeCount; ++outcome) {
      CHECK(text.value("tidegate_http_requests_total",
                       {{"route", "other"},
                        {"method", method},
                        {"code", "599"},
                        {"outcome", policy::to_string(static_cast<policy::Outcome>(outcome))}}) == 1.0);
    }
  }
  CHECK(text.value("tidegate_http_requests_in_flight", {{"route", "other"}}) == 0.0);
}

TEST_CASE("Decisions of the rate limiter are counted, and those of shadow mode apart") {
  Fixture fixture;
  RouteMetrics& route = fixture.metrics->route("optimize");
  route.rate_limit(true, false);
  route.rate_limit(true, true);
  route.rate_limit(false, false);
  route.rate_limit(false, true);
  route.would(policy::Outcome::breaker_open);
  const Exposition text = fixture.scrape();
  const auto decided = [&](const char* decision) {
    return text.value("tidegate_ratelimit_decisions_total", {{"route", "optimize"}, {"decision", decision}});
  };
  CHECK(decided("allowed") == 2.0);
  CHECK(decided("limited") == 1.0);
  CHECK(decided("would_limit") == 1.0);
  CHECK(text.sum("tidegate_http_requests_total", {{"outcome", "would_breaker_open"}}) == 1);
}

TEST_CASE("Two references to one route count on the same series") {
  Fixture fixture;
  CHECK(&fixture.metrics->route("optimize") == &fixture.metrics->route("optimize"));
  CHECK(&fixture.metrics->upstream("plain") == &fixture.metrics->upstream("plain"));
  CHECK(&fixture.metrics->queue("jobs") == &fixture.metrics->queue("jobs"));
}

TEST_CASE("Names that need escaping do not break the text") {
  Fixture fixture;
  const std::string name = "a\"b\\c\nd";
  fixture.metrics->route(name).begun();
  CHECK(fixture.scrape().value("tidegate_http_requests_in_flight", {{"route", name}}) == 1.0);
}

}  // namespace tidegate::metrics
