// Endpoints of one upstream that die and recover at random: which of them get requests meanwhile.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "sim/crowd.h"
#include "sim/simulation.h"
#include "support/config_builder.h"

namespace tidegate::sim {

namespace {

using policy::EndpointState;

constexpr size_t kEndpoints = 3;
constexpr Duration kConnectTimeout = 300ms;
// From the choice of an endpoint to the request's arrival there, and between two looks.
constexpr Duration kOnItsWay = kConnectTimeout + 50ms;

std::string config_of_endpoints(const std::string& balance) {
  return test::ConfigBuilder()
      .admin("address: 127.0.0.1:9901")
      .listener("address: 10.0.0.1:8081")
      .upstream("up",
                "endpoints: [\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\", \"http://10.0.0.4:3001\"], "
                "connect_timeout: 300ms, max_idle_connections: 2, max_connections: 6, balance: " +
                    balance + R"(,
                health_check: {interval: 1s, timeout: 500ms, unhealthy_after: 2, healthy_after: 2},
                outlier_ejection: {consecutive_failures: 3, eject_for: 5s, eject_for_max: 15s})")
      .queue("q", R"(url: "sqlite:///sim.db", replay: {concurrency: 2, timeout: 2s})")
      .route("work", R"(match: {path: /work}, upstream: up, timeout: {total: 4s, response_header: 1s},
             retry: {max_attempts: 2, on: [connect_failure, reset, 503], backoff: {base: 10ms, max: 10ms}},
             fallback: {on: [connect_failure, timeout, reset, 503], enqueue: {queue: q}})");
}

class EndpointsRun {
 public:
  explicit EndpointsRun(uint64_t seed)
      : random_(seed),
        simulation_({.seed = seed}, config_of_endpoints(random_.chance(0.5) ? "round_robin" : "least_requests")),
        look_(simulation_.runtime(), [this] { look(); }),
        trouble_(simulation_.runtime(), [this] { trouble(); }) {
    for (size_t i = 1; i < kEndpoints; ++i) {
      const SocketAddress address = *SocketAddress::parse("10.0.0." + std::to_string(2 + i) + ":3001");
      others_.push_back(std::make_unique<SimUpstream>(simulation_.runtime(), address, random_.next()));
    }
    for (size_t i = 0; i < kEndpoints; ++i) {
      upstream(i).on_call([this, i](const http::RequestHead& head) { on_call(i, head.target); });
    }
    look();
    trouble_.start_after(1s);
  }

  void run() {
    for (int i = 0; i < 600; ++i) {
      send();
      simulation_.run_for(std::chrono::milliseconds(random_.below(200)));
    }
    trouble_.stop();
    for (size_t i = 0; i < kEndpoints; ++i) heal(i);
    simulation_.run_for(60s);
    for (size_t i = 0; i < kEndpoints; ++i) {
      if (state_of(i) != EndpointState::healthy) findings.push_back("an endpoint that is well is not healthy again");
    }
    for (int i = 0; i < 30; ++i) {
      const SimClient& client = send();
      simulation_.run_for(1s);
      if (!client.has_response() || client.result()->status != 200) findings.push_back("a request failed for nothing");
    }
  }

  std::vector<std::string> findings;
  std::array<int, 4> seen_states{};
  int calls_in_panic = 0;

 private:
  SimUpstream& upstream(size_t i) { return i == 0 ? simulation_.upstream() : *others_[i - 1]; }
  core::Endpoint& endpoint(size_t i) { return simulation_.gateway().table()->upstreams().at("up")->endpoint(i); }
  EndpointState state_of(size_t i) { return endpoint(i).health().state(); }
  Time now() { return simulation_.runtime().now(); }

  const SimClient& send() {
    const std::string id = "c" + std::to_string(sent_++);
    return simulation_.client({.id = id, .method = random_.chance(0.5) ? "GET" : "POST", .target = "/work?" + id});
  }

  void heal(size_t i) {
    upstream(i).set_mood({});
    upstream(i).start();
  }

  void trouble() {
    const size_t i = random_.below(kEndpoints);
    UpstreamMood mood;
    switch (random_.below(6)) {
      case 0: upstream(i).stop(); break;
      case 1: mood.hang = 1; break;
      case 2: mood.error = 1; break;
      case 3: mood.abort = 0.7; break;
      default: heal(i);
    }
    upstream(i).set_mood(mood);
    trouble_.start_after(std::chrono::milliseconds(200 + random_.below(4000)));
  }

  // Since when each endpoint is in its state, and has not just failed a connect: one that is ejected comes before such
  // a one (policy/endpoints/endpoint_choice.h).
  void look() {
    for (size_t i = 0; i < kEndpoints; ++i) {
      const EndpointState state = state_of(i);
      if (endpoint(i).just_failed(now())) since_[i] = now();
      ++seen_states[static_cast<size_t>(state)];
      if (state == state_[i]) continue;
      if (is_out(state) != is_out(state_[i])) out_or_in_since_[i] = now();
      state_[i] = state;
      since_[i] = now();
    }
    look_.start_after(10ms);
  }

  bool is_long(Time since) { return now() - since > kOnItsWay; }

  void on_call(size_t called, std::string_view target) {
    look();  // one that has just returned
    if (target == "/health" || !is_out(state_[called])) return;
    bool another = false;
    for (size_t i = 0; i < kEndpoints; ++i) {
      another = another || (state_[i] == EndpointState::healthy && is_long(since_[i]));
    }
    if (!another) ++calls_in_panic;
    if (another && is_long(out_or_in_since_[called]))
      findings.push_back("a request was sent to an endpoint that was out");
  }

  Random random_;
  Simulation simulation_;
  std::vector<std::unique_ptr<SimUpstream>> others_;
  net::Timer look_;
  net::Timer trouble_;
  std::array<EndpointState, kEndpoints> state_{};
  std::array<Time, kEndpoints> since_{};
  std::array<Time, kEndpoints> out_or_in_since_{};
  int sent_ = 0;
};

}  // namespace

TEST_CASE("no request goes to an endpoint that is known to fail while another is not; all are healthy in the end") {
  if (!std::getenv("SIM_LOG")) log_configure(LogLevel::off, LogFormat::text);
  const uint64_t first = number_from("SIM_FIRST", 1);
  const uint64_t count = number_from("SIM_SEEDS", 200) / 5 + 1;
  std::array<int, 4> seen_states{};
  int calls_in_panic = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    EndpointsRun run(seed);
    run.run();
    for (const std::string& finding : run.findings) FAIL_CHECK("seed " << seed << ": " << finding);
    for (size_t i = 0; i < seen_states.size(); ++i) seen_states[i] += run.seen_states[i];
    calls_in_panic += run.calls_in_panic;
  }
  if (count < 20) return;
  for (const int looks : seen_states) CHECK(looks > 0);  // the runs come to every state
  CHECK(calls_in_panic > 0);
}

}  // namespace tidegate::sim
