// A Tidegate that accepts bodies by reference, its upstream, and the object store that the references point to.
#pragma once

#include "loopback/own_responses.h"

namespace tidegate::loopback {

inline constexpr const char* kAsync = "Prefer: respond-async\r\n";

// Jobs go to {UP}; their bodies are in the fixture's `store`.
inline std::string reference_config(const std::string& enqueue) {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0, limits: {body_timeout: 300ms}")
      .upstream("up", R"(endpoints: ["{UP}"], bulkhead: {max_concurrent: 4},
                breaker: {consecutive_failures: 2, failure_ratio: 0, open_for: 60s, open_for_max: 60s})")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db",
             replay: {concurrency: 2, max_attempts: 3, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}})")
      .route("job",
             "match: {path: /job*}, upstream: up, fallback: {on: [503], enqueue: {queue: jobs, body: reference,"
             "reference_hosts: [127.0.0.1], " +
                 enqueue + "}}");
}

class ReferenceFixture : public Fixture {
 public:
  explicit ReferenceFixture(const std::string& enqueue = "max_body: 1MiB, reference_timeout: 10s")
      : Fixture(reference_config(enqueue)) {}

  std::string url(uint16_t port, const std::string& target = "/original?X-Amz-Signature=secret") const {
    return "http://127.0.0.1:" + std::to_string(port) + target;
  }
  static std::string field(const std::string& url) { return "Tidegate-Body-Ref: " + url + "\r\n"; }

  std::string park(const std::string& url, const std::string& body = "the live body", const std::string& more = "") {
    const Reply reply = ask(post("/job", body, field(url) + kAsync + more));
    REQUIRE(reply.status == 202);
    return reply.json().at("job_id");
  }
  std::string park() { return park(url(store.port())); }

  nlohmann::json job(const std::string& id) { return ask(get("/_jobs/" + id)).json(); }
  void until_failed_once(const std::string& id) {
    for (int i = 0; i < 60000; ++i) {
      if (job(id).at("last_error").is_string()) return;
    }
    FAIL("job " << id << " never failed");
  }
  // The upstream got no request, and its breaker counted nothing.
  void check_upstream_untouched() {
    CHECK(upstream.seen.empty());
    const auto view = gateway().table()->breakers().at(0)->view(runtime.now());
    CHECK(view.state == policy::BreakerState::closed);
    CHECK(view.successes + view.failures + view.ignored == 0);
    CHECK(view.probes_in_flight == 0);
    CHECK(gateway().table()->bulkheads().at(0)->view().in_use == 0);
  }
  // Checks that the job dies of `error` at its first attempt.
  void check_dead_at_once(const std::string& id, const std::string& error) {
    start_replaying();
    until_status(id, "dead");
    CHECK(job(id).at("last_error") == error);
    CHECK(job(id).at("attempt") == 1);
    CHECK(ask(get("/_jobs/" + id + "/result")).status == 502);
    check_upstream_untouched();
  }
  // Checks that every fetch fails with `error`, and is repeated: the host has sent no body, so no failure counts.
  void check_deferred(const std::string& id, const std::string& error) {
    start_replaying();
    nlohmann::json shown;
    until("the deferrals", [&] {
      shown = job(id);
      return shown.at("deferrals") > shown.at("max_attempts");
    });
    CHECK(shown.at("last_error") == error);
    CHECK((shown.at("status") == "retrying" || shown.at("status") == "running"));
    CHECK(metric("tidegate_queue_jobs_total", {"event=\"deferred\""}) > 3);
    CHECK(metric("tidegate_queue_jobs_total", {"event=\"retried\""}) == 0);
    check_upstream_untouched();
  }

  Upstream store{runtime};
};

inline std::string bytes(size_t size) {
  std::string all(size, '\0');
  for (size_t i = 0; i < size; ++i) all[i] = static_cast<char>(i * 7 % 251);
  return all;
}

}  // namespace tidegate::loopback
