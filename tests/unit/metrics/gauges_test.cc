// What mirrors a view: breaker states, gauges, totals that never go back; counting from several threads; the process.
#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "metrics/metrics.h"
#include "support/config_builder.h"
#include "unit/metrics/exposition.h"

namespace tidegate::metrics {

namespace {

std::unique_ptr<Metrics> make() {
  const auto config = test::load_config(test::ConfigBuilder()
                                            .upstream("u", "endpoints: ['http://127.0.0.1:3001'], breaker: {}")
                                            .route("r", "match: {path: /}, upstream: u"));
  return Metrics::make(*config, "1", "r");
}

Exposition scrape(Metrics& metrics) {
  const Exposition exposition(metrics.render());
  for (const std::string& error : exposition.errors()) FAIL_CHECK(error);
  return exposition;
}

constexpr Time kStart{100s};

}  // namespace

TEST_CASE("Exactly one of a breaker's five state gauges is 1") {
  const auto metrics = make();
  policy::Breaker breaker("u", {}, kStart, 1);
  const auto check = [&](Time now, const std::string& expected) {
    breaker.advance(now);
    metrics->set_breaker("u", breaker.view(now));
    const Exposition text = scrape(*metrics);
    for (const char* state : {"closed", "open", "half_open", "forced_open", "forced_closed"}) {
      CAPTURE(state);
      CHECK(text.value("tidegate_breaker_state", {{"breaker", "u"}, {"state", state}}) ==
            (state == expected ? 1.0 : 0.0));
    }
    CHECK(text.sum("tidegate_breaker_state") == 1);
  };
  check(kStart, "closed");
  for (int i = 0; i < 5; ++i) breaker.acquire(kStart).permit.report(policy::Verdict::failure, kStart);
  check(kStart, "open");
  check(kStart + 31s, "half_open");
  breaker.force(policy::BreakerState::forced_open, std::nullopt, "", kStart + 32s);
  check(kStart + 32s, "forced_open");
  breaker.force(policy::BreakerState::forced_closed, std::nullopt, "", kStart + 33s);
  check(kStart + 33s, "forced_closed");
}

TEST_CASE("A breaker's calls and its time in each state are counters that never decrease") {
  const auto metrics = make();
  policy::Breaker breaker("u", {}, kStart, 1);
  using policy::Verdict;
  for (const Verdict verdict : {Verdict::success, Verdict::success, Verdict::ignored}) {
    breaker.acquire(kStart).permit.report(verdict, kStart);
  }
  for (int i = 0; i < 5; ++i) breaker.acquire(kStart).permit.report(Verdict::failure, kStart);
  breaker.acquire(kStart);
  const auto view = breaker.view(kStart + 8s);
  metrics->set_breaker("u", view);
  metrics->set_breaker("u", view);  // mirroring twice counts once
  policy::Breaker young("u", {}, kStart, 1);
  metrics->set_breaker("u", young.view(kStart));  // totals smaller than what was shown: not a step back
  const Exposition text = scrape(*metrics);
  const auto calls = [&](const char* result) {
    return text.value("tidegate_breaker_calls_total", {{"breaker", "u"}, {"result", result}});
  };
  CHECK(calls("success") == 2.0);
  CHECK(calls("failure") == 5.0);
  CHECK(calls("ignored") == 1.0);
  CHECK(calls("slow") == 0.0);
  CHECK(calls("not_permitted") == 1.0);
  CHECK(text.value("tidegate_breaker_state_seconds_total", {{"breaker", "u"}, {"state", "open"}}) == 8.0);
}

TEST_CASE("A breaker that takes the place of another counts on from its totals") {
  const auto metrics = make();
  const auto succeed = [](policy::Breaker& breaker, int calls) {
    for (int i = 0; i < calls; ++i) breaker.acquire(kStart).permit.report(policy::Verdict::success, kStart);
  };
  policy::Breaker before("u", {}, kStart, 1), after("u", {}, kStart + 3s, 1);
  succeed(before, 4);
  metrics->set_breaker("u", before.view(kStart + 1s));
  succeed(before, 1);  // nobody has looked since
  metrics->breaker_ends("u", before.view(kStart + 3s));
  metrics->breaker_begins("u");
  succeed(after, 2);
  metrics->set_breaker("u", after.view(kStart + 5s));
  const Exposition text = scrape(*metrics);
  CHECK(text.value("tidegate_breaker_calls_total", {{"breaker", "u"}, {"result", "success"}}) == 7.0);
  CHECK(text.value("tidegate_breaker_state_seconds_total", {{"breaker", "u"}, {"state", "closed"}}) == 5.0);
}

TEST_CASE("Transitions are counted by from, to and reason") {
  const auto metrics = make();
  policy::Breaker breaker("u", {}, kStart, 1);
  for (int i = 0; i < 5; ++i) breaker.acquire(kStart).permit.report(policy::Verdict::failure, kStart);
  breaker.force(policy::BreakerState::forced_closed, std::nullopt, "", kStart);
  for (const auto& made : breaker.take_transitions().kept) metrics->breaker_transition(breaker.name(), made);
  const Exposition text = scrape(*metrics);
  const auto count = [&](const char* from, const char* to, const char* reason) {
    return text.value("tidegate_breaker_transitions_total",
                      {{"breaker", "u"}, {"from", from}, {"to", to}, {"reason", reason}});
  };
  CHECK(count("closed", "open", "consecutive_failures") == 1.0);
  CHECK(count("open", "forced_closed", "operator_forced") == 1.0);
  CHECK(text.sum("tidegate_breaker_transitions_total") == 2);
}

TEST_CASE("Gauges show the last value that was set") {
  const auto metrics = make();
  metrics->set_bulkhead("u", 9, 9, 10);
  metrics->set_bulkhead("u", 3, 2, 10);
  metrics->set_upstream_pending("u", 4);
  metrics->set_buffered(5, 6);
  metrics->set_tracked_clients("r", 17);
  metrics->set_retry_budget("u", 0.75);
  metrics->set_queue("jobs", {1, 2, 3, 4, 5, 6, 7}, 4096, 12.5, true);
  metrics->set_loop_lag(1, 0.002);
  const Exposition text = scrape(*metrics);
  CHECK(text.value("tidegate_bulkhead_in_use", {{"bulkhead", "u"}}) == 3.0);
  CHECK(text.value("tidegate_bulkhead_waiting", {{"bulkhead", "u"}}) == 2.0);
  CHECK(text.value("tidegate_bulkhead_limit", {{"bulkhead", "u"}}) == 10.0);
  CHECK(text.value("tidegate_upstream_pending_requests", {{"upstream", "u"}}) == 4.0);
  CHECK(text.value("tidegate_buffered_bytes") == 5.0);
  CHECK(text.value("tidegate_buffered_max_bytes") == 6.0);
  CHECK(text.value("tidegate_ratelimit_tracked_clients", {{"route", "r"}}) == 17.0);
  CHECK(text.value("tidegate_retry_budget_remaining_ratio", {{"upstream", "u"}}) == 0.75);
  double depth = 1;
  for (const char* status : {"queued", "running", "retrying", "succeeded", "dead", "cancelled", "expired"}) {
    CHECK(text.value("tidegate_queue_depth", {{"queue", "jobs"}, {"status", status}}) == depth++);
  }
  CHECK(text.value("tidegate_queue_bytes", {{"queue", "jobs"}}) == 4096.0);
  CHECK(text.value("tidegate_queue_oldest_age_seconds", {{"queue", "jobs"}}) == 12.5);
  CHECK(text.value("tidegate_dependency_up", {{"dependency", "queue:jobs"}}) == 1.0);
  CHECK(text.value("tidegate_loop_lag_seconds", {{"worker", "1"}}) == 0.002);
}

TEST_CASE("A refused reload is shown, and leaves the time of the last good one") {
  const auto metrics = make();
  metrics->set_config_loaded(true, WallTime(1'700'000'000s));
  metrics->set_config_loaded(false, WallTime(1'700'000'999s));
  const Exposition text = scrape(*metrics);
  CHECK(text.value("tidegate_config_last_reload_successful") == 0.0);
  CHECK(text.value("tidegate_config_last_reload_success_timestamp_seconds") == 1.7e9);
}

TEST_CASE("Attempts, retries, connections, jobs and commits are counted in their families") {
  const auto metrics = make();
  UpstreamMetrics& upstream = metrics->upstream("u");
  upstream.attempt_ended(policy::AttemptResult::timeout, 2s);
  upstream.attempt_cancelled(1s);
  upstream.retry(true);
  upstream.retry(false);
  upstream.retry(false);
  upstream.connections_changed(2, 1);
  upstream.connections_changed(-1, 1);
  QueueMetrics& queue = metrics->queue("q");
  queue.job_event(jobs::JobEvent::accepted);
  queue.job_event(jobs::JobEvent::dead);
  queue.commit(3ms);
  const Exposition text = scrape(*metrics);
  const auto attempts = [&](const char* result) {
    return text.value("tidegate_upstream_request_duration_seconds_sum", {{"upstream", "u"}, {"result", result}});
  };
  CHECK(attempts("timeout") == 2.0);
  CHECK(attempts("cancelled") == 1.0);
  CHECK(attempts("response") == 0.0);
  CHECK(text.value("tidegate_retries_total", {{"upstream", "u"}, {"result", "done"}}) == 1.0);
  CHECK(text.value("tidegate_retries_total", {{"upstream", "u"}, {"result", "budget_exhausted"}}) == 2.0);
  CHECK(text.value("tidegate_upstream_connections", {{"upstream", "u"}, {"state", "idle"}}) == 1.0);
  CHECK(text.value("tidegate_upstream_connections", {{"upstream", "u"}, {"state", "busy"}}) == 2.0);
  CHECK(text.value("tidegate_queue_jobs_total", {{"queue", "q"}, {"event", "accepted"}}) == 1.0);
  CHECK(text.value("tidegate_queue_jobs_total", {{"queue", "q"}, {"event", "dead"}}) == 1.0);
  CHECK(*text.value("tidegate_queue_commit_seconds_sum", {{"queue", "q"}}) == doctest::Approx(0.003));
}

TEST_CASE("The counts of four threads add up while a fifth scrapes") {
  constexpr int kThreads = 4, kRequests = 3000;
  const auto metrics = make();
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&metrics, t] {
      RouteMetrics& route = metrics->route("r");
      UpstreamMetrics& upstream = metrics->upstream("u");
      for (int i = 0; i < kRequests; ++i) {
        route.begun();
        upstream.connections_changed(1, -1);
        upstream.attempt_ended(policy::AttemptResult::response, 1ms);
        route.rate_limit(true, false);
        upstream.connections_changed(-1, 1);
        // Series that nobody has seen yet are made by several threads at once.
        route.ended(t % 2 ? "GET" : "POST", static_cast<uint16_t>(200 + i % 50), policy::Outcome::proxied, 1ms);
      }
    });
  }
  for (int i = 0; i < 5; ++i) CHECK_FALSE(metrics->render().empty());
  threads.clear();
  const Exposition text = scrape(*metrics);
  CHECK(text.sum("tidegate_http_requests_total", {{"method", "GET"}}) == 2 * kRequests);
  CHECK(text.sum("tidegate_http_requests_total") == kThreads * kRequests);
  CHECK(text.sum("tidegate_http_request_duration_seconds_count") == kThreads * kRequests);
  CHECK(text.sum("tidegate_upstream_request_duration_seconds_count") == kThreads * kRequests);
  CHECK(text.sum("tidegate_ratelimit_decisions_total") == kThreads * kRequests);
  CHECK(text.sum("tidegate_http_requests_in_flight") == 0);
  CHECK(text.sum("tidegate_upstream_connections") == 0);
}

TEST_CASE("The process metrics have plausible values") {
  const auto metrics = make();
  const Exposition text = scrape(*metrics);
  CHECK(*text.value("process_cpu_seconds_total") >= 0);
  CHECK(*text.value("process_resident_memory_bytes") > 1e6);
  CHECK(*text.value("process_virtual_memory_bytes") >= *text.value("process_resident_memory_bytes"));
  CHECK(*text.value("process_start_time_seconds") > 1.7e9);
  CHECK(*text.value("process_threads") >= 1);
  CHECK(*text.value("process_open_fds") >= 3);
  CHECK(*text.value("process_max_fds") >= *text.value("process_open_fds"));
}

}  // namespace tidegate::metrics
