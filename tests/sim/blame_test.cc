// Whose fault it is: the breaker judges the upstream by the upstream's own time, whatever its clients do; and a probe
// of a half-open breaker is decided by its response headers, or ended.
#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/simulation.h"
#include "support/config_builder.h"

namespace tidegate::sim {

namespace {

using policy::BreakerState;

const SocketAddress kListener = *SocketAddress::parse("10.0.0.1:8081");

// One route, /work, with these settings of its breaker and of its own.
std::string config_with(const std::string& breaker, const std::string& route) {
  return test::ConfigBuilder()
      .admin("address: 127.0.0.1:9901")
      .listener("address: 10.0.0.1:8081, limits: {body: 1MiB}")
      .upstream("up", R"(endpoints: ["http://10.0.0.2:3001"], breaker: {)" + breaker + "}")
      .queue("q", R"(url: "sqlite:///sim.db", replay: {timeout: 60s})")
      .route("work", "match: {path: /work}, upstream: up, " + route);
}

class BlameRun {
 public:
  // `limits`: YAML of the process's.
  BlameRun(const std::string& breaker, const std::string& route, const std::string& limits = "")
      : simulation_({.seed = 7}, limits + config_with(breaker, route)) {
    log_configure(LogLevel::off, LogFormat::text);
  }

  // Clients that send and receive at most 16 KiB a second.
  void make_clients_slow() {
    net::SimLink link;
    link.latency_min = link.latency_max = 500ms;
    link.window = 16 * 1024;
    simulation_.runtime().set_link(kListener, link);
  }
  const SimClient& get(std::optional<Duration> timeout = {}) {
    return simulation_.client(
        {.id = "c" + std::to_string(next_++), .method = "GET", .target = "/work?n=0", .timeout = timeout});
  }
  const SimClient& upload(size_t bytes) {
    return simulation_.client({.id = "c" + std::to_string(next_++), .body = std::string(bytes, 'x')});
  }
  void open() {
    mood({.error = 1});
    for (int i = 0; i < 5; ++i) {
      get();
      run_for(100ms);
    }
    REQUIRE(breaker().state == BreakerState::open);
  }
  // Each write and read of a temporary file takes so long.
  void make_disk_slow(Duration takes) { simulation_.runtime().set_disk_delay(takes); }
  void mood(const UpstreamMood& mood) { simulation_.upstream().set_mood(mood); }
  void run_for(Duration time) { simulation_.run_for(time); }
  policy::BreakerView breaker() {
    return simulation_.gateway().table()->breakers().at(0)->view(simulation_.runtime().now());
  }
  int at_upstream() { return simulation_.upstream().running(); }
  jobs::SimQueue& store() { return simulation_.store(); }

 private:
  Simulation simulation_;
  int next_ = 0;
};

void check_untouched(const policy::BreakerView& breaker) {
  CHECK(breaker.state == BreakerState::closed);
  CHECK(breaker.transitions == 0);
  CHECK(breaker.failures == 0);
  CHECK(breaker.slow == 0);
}

std::string reason_of(const SimClient& client) {
  const std::string body = client.has_response() ? client.result()->body : "";
  const size_t begin = body.find("\"reason\":\"");
  return begin == body.npos ? "" : body.substr(begin + 10, body.find('"', begin + 10) - begin - 10);
}

int status_of(const SimClient& client) { return client.has_response() ? client.result()->status : 0; }

}  // namespace

TEST_CASE("six clients that read a 30 MB response slowly until timeout.total do not open the breaker") {
  BlameRun run("", "timeout: {total: 3s}, buffering: off");
  run.mood({.response_min = 30'000'000});
  run.make_clients_slow();
  for (int i = 0; i < 6; ++i) run.get();
  run.run_for(20s);
  check_untouched(run.breaker());
  CHECK(run.breaker().ignored == 6);
}

TEST_CASE("five event streams that end at timeout.total do not open the breaker") {
  BlameRun run("", "timeout: {total: 3s}");
  run.mood({.stream = 1});
  for (int i = 0; i < 5; ++i) run.get();
  run.run_for(20s);
  check_untouched(run.breaker());
  CHECK(run.breaker().ignored == 5);
}

TEST_CASE("an upload that takes longer than slow_call.threshold is not a slow call, a slow response is") {
  const std::string slow = "slow_call: {threshold: 2s, ratio: 0.5}, min_requests: 5";
  BlameRun run(slow, "timeout: {total: 60s, per_try: 60s}");
  run.make_clients_slow();
  for (int i = 0; i < 10; ++i) run.upload(100'000);
  run.run_for(30s);
  check_untouched(run.breaker());
  CHECK(run.breaker().successes == 10);
  run.mood({.latency_min = 2s, .latency_max = 2s});
  for (int i = 0; i < 10; ++i) run.upload(100);
  run.run_for(5s);
  CHECK(run.breaker().state == BreakerState::open);
  CHECK(run.breaker().last.reason == policy::TransitionReason::slow_call_ratio);
}

TEST_CASE("clients that leave the upstream too little time for a response do not open the breaker") {
  BlameRun run("", "timeout: {total: 10s, per_try: 10s}");
  run.mood({.latency_min = 2s, .latency_max = 2s});
  SUBCASE("by a deadline of their own") {
    for (int i = 0; i < 8; ++i) run.get(500ms);
  }
  SUBCASE("by a late body") {
    run.make_clients_slow();
    for (int i = 0; i < 8; ++i) run.upload(145'000);
  }
  run.run_for(20s);
  check_untouched(run.breaker());
  CHECK(run.breaker().ignored == 8);
}

TEST_CASE("a disk that is too slow for a kept body is to blame, neither the client nor the upstream") {
  BlameRun run("", "timeout: {total: 3s, per_try: 3s}, buffering: off, retry: {methods: any}");
  run.make_disk_slow(10s);
  const SimClient& fast = run.upload(1'000'000);
  run.run_for(5s);
  CHECK(status_of(fast) == 503);
  CHECK(reason_of(fast) == "buffer_full");
  run.make_disk_slow(0s);
  run.make_clients_slow();
  const SimClient& slow = run.upload(200'000);
  run.run_for(5s);
  CHECK(reason_of(slow) == "client_timeout");
  check_untouched(run.breaker());
  CHECK(run.breaker().ignored == 2);
}

TEST_CASE("a disk that is too slow for a body that is awaited is to blame, not the client") {
  BlameRun run("", "timeout: {total: 3s}, buffering: {request: 1MiB}", "limits: {buffered: 1MiB}\n");
  run.make_disk_slow(10s);
  std::vector<const SimClient*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&run.upload(1'000'000));
  run.run_for(5s);
  int late = 0;
  for (const SimClient* client : clients) {
    CHECK(reason_of(*client) != "client_timeout");
    late += reason_of(*client) == "buffer_full";
  }
  CHECK(late > 0);
  check_untouched(run.breaker());
}

TEST_CASE("an upstream that does not respond opens the breaker, also where total is shorter than response_header") {
  for (const size_t body : {size_t{0}, size_t{20'000}}) {
    BlameRun run("", "timeout: {total: 3s}");
    run.mood({.hang = 1});
    for (int i = 0; i < 5; ++i) body == 0 ? run.get() : run.upload(body);
    run.run_for(4s);
    CHECK(run.breaker().state == BreakerState::open);
  }
}

TEST_CASE("an upstream that breaks its responses off opens the breaker") {
  BlameRun run("", "timeout: {total: 3s}");
  run.mood({.abort = 1});
  for (int i = 0; i < 5; ++i) run.get();
  run.run_for(1s);
  CHECK(run.breaker().state == BreakerState::open);
  CHECK(run.breaker().successes == 0);
}

TEST_CASE("a probe that is a stream closes the breaker by its response headers") {
  BlameRun run("open_for: 5s, half_open_timeout: 2s", "timeout: {total: 30s}");
  run.open();
  run.mood({.stream = 1});
  run.run_for(6s);
  run.get();
  run.run_for(1s);
  CHECK(run.breaker().state == BreakerState::closed);
  run.run_for(40s);
  CHECK(run.breaker().state == BreakerState::closed);
  CHECK(run.breaker().transitions == 3);
}

TEST_CASE("a probe that hangs ends at half_open_timeout: never more of them at the upstream than allowed") {
  BlameRun run("open_for: 1s, open_for_max: 1s, half_open_timeout: 2s, half_open_requests: 1",
               "timeout: {total: 60s, per_try: 60s, response_header: 60s}");
  run.open();
  run.mood({.hang = 1});
  std::vector<const SimClient*> clients;
  for (int i = 0; i < 120; ++i) {
    clients.push_back(&run.get());
    run.run_for(500ms);
    REQUIRE(run.at_upstream() <= 1);
  }
  int timed_out = 0;
  for (const SimClient* client : clients) timed_out += status_of(*client) == 504;
  CHECK(timed_out >= 15);
  CHECK(run.breaker().last.reason != policy::TransitionReason::probe_failed);
  run.mood({});
  run.run_for(5s);
  run.get();
  run.run_for(1s);
  CHECK(run.breaker().state == BreakerState::closed);
}

TEST_CASE("a probe whose client is late with the body ends at half_open_timeout, and the next request is the probe") {
  BlameRun run("open_for: 5s, half_open_timeout: 2s", "timeout: {total: 60s, per_try: 60s}, buffering: off");
  run.open();
  run.mood({});
  run.run_for(6s);
  run.make_clients_slow();
  const SimClient& late = run.upload(200'000);
  run.run_for(4s);
  CHECK(run.breaker().state == BreakerState::half_open);
  CHECK(run.breaker().probes_in_flight == 0);
  run.get();
  run.run_for(4s);
  CHECK(run.breaker().state == BreakerState::closed);
  CHECK(status_of(late) == 504);
}

TEST_CASE("a job's probe that hangs ends at half_open_timeout and costs the job no attempt") {
  BlameRun run("open_for: 5s, open_for_max: 5s, half_open_timeout: 2s",
               "fallback: {on: [breaker_open], enqueue: {queue: q}}");
  run.get();  // a success that began before the outage
  run.run_for(1s);
  run.open();
  run.mood({.hang = 1});
  run.upload(100);
  run.run_for(60s);
  CHECK(run.at_upstream() <= 1);
  run.mood({});
  run.run_for(120s);
  REQUIRE(run.store().all().size() == 1);
  const jobs::JobRecord job = run.store().all()[0];
  CHECK(to_string(job.status) == std::string("succeeded"));
  CHECK(job.attempt == 1);
  CHECK(job.deferrals >= 3);
}

TEST_CASE("a job's probe that is a stream closes the breaker by its response headers, and is not judged by its end") {
  BlameRun run("open_for: 5s, half_open_timeout: 2s", "fallback: {on: [breaker_open], enqueue: {queue: q}}");
  run.open();
  run.upload(100);
  run.mood({.stream = 1});
  run.run_for(10s);
  CHECK(run.breaker().state == BreakerState::closed);
  run.run_for(70s);
  CHECK(run.breaker().state == BreakerState::closed);
  CHECK(run.breaker().transitions == 3);
}

}  // namespace tidegate::sim
