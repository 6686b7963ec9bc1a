// A Tidegate that takes bodies by reference, its upstream, and the object store that the references point to.
#pragma once

#include "loopback/own_answers.h"

namespace tidegate::loopback {

inline constexpr const char* kAsync = "Prefer: respond-async\r\n";

// Jobs reach their upstream at {UP}; what they refer to lies with the test's own store.
inline std::string reference_config(const std::string& enqueue = "max_body: 1MiB, reference_timeout: 10s") {
  return R"(
log: {access: all}
admin: {address: 127.0.0.1:0}
upstreams:
  up:
    endpoints: ["{UP}"]
    breaker: {consecutive_failures: 2, failure_ratio: 0, open_for: 60s, open_for_max: 60s}
    bulkhead: {max_concurrent: 4}
queues:
  jobs:
    url: sqlite://{DIR}/jobs.db
    replay: {concurrency: 2, max_attempts: 3, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}}
listeners:
  - name: in
    address: 127.0.0.1:0
    limits: {body_timeout: 300ms}
    routes:
      - name: job
        match: {path: /job*}
        upstream: up
        fallback: {on: [503], enqueue: {queue: jobs, body: reference, reference_hosts: [127.0.0.1], )" +
         enqueue + "}}\n";
}

class ReferenceRig {
 public:
  explicit ReferenceRig(const std::string& enqueue = "max_body: 1MiB, reference_timeout: 10s")
      : bed(reference_config(enqueue)) {}

  std::string url(uint16_t port, const std::string& target = "/original?X-Amz-Signature=secret") const {
    return "http://127.0.0.1:" + std::to_string(port) + target;
  }
  static std::string field(const std::string& url) { return "Tidegate-Body-Ref: " + url + "\r\n"; }

  std::string park(const std::string& url, const std::string& body = "the live body", const std::string& more = "") {
    const Reply reply = bed.ask(post("/job", body, field(url) + kAsync + more));
    REQUIRE(reply.status == 202);
    return reply.json().at("job_id");
  }
  std::string park() { return park(url(store.port())); }

  nlohmann::json job(const std::string& id) { return bed.ask(get("/_jobs/" + id)).json(); }
  void until(const std::string& id, const std::string& status) {
    for (int i = 0; i < 60000; ++i) {
      if (job(id).at("status") == status) return;
    }
    FAIL("job " << id << " never became " << status);
  }
  void until_failed_once(const std::string& id) {
    for (int i = 0; i < 60000; ++i) {
      if (job(id).at("last_error").is_string()) return;
    }
    FAIL("job " << id << " never failed");
  }
  // Neither what the upstream was asked nor what its breaker heard.
  void check_upstream_untouched() {
    CHECK(bed.upstream.seen.empty());
    const auto view = bed.gateway().table()->breakers().at(0)->view(bed.runtime.now());
    CHECK(view.state == policy::BreakerState::closed);
    CHECK(view.successes + view.failures + view.ignored == 0);
    CHECK(view.probes_in_flight == 0);
    CHECK(bed.gateway().table()->bulkheads().at(0)->view().in_use == 0);
  }
  // It dies of `error` at once.
  void check_dead_at_once(const std::string& id, const std::string& error) {
    bed.start_replaying();
    until(id, "dead");
    CHECK(job(id).at("last_error") == error);
    CHECK(job(id).at("attempt") == 1);
    CHECK(bed.ask(get("/_jobs/" + id + "/result")).status == 502);
    check_upstream_untouched();
  }
  // It fails by `error` as often as it may, and dies of it.
  void check_dead_in_the_end(const std::string& id, const std::string& error) {
    bed.start_replaying();
    until(id, "dead");
    CHECK(job(id).at("last_error") == error);
    CHECK(job(id).at("attempt") == 3);
    CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"retried\""}) == 2);
    check_upstream_untouched();
  }

  Bed bed;
  Upstream store{bed.runtime};
};

inline std::string bytes(size_t size) {
  std::string all(size, '\0');
  for (size_t i = 0; i < size; ++i) all[i] = static_cast<char>(i * 7 % 251);
  return all;
}

}  // namespace tidegate::loopback
