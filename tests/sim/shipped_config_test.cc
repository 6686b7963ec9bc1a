// The shipped configuration in simulated time: when its breaker opens, probes and closes, and when its queue is full.
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "sim/simulation.h"

namespace tidegate::sim {

namespace {

std::string shipped_config() {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/config/tidegate.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

class Fixture {
 public:
  explicit Fixture(const std::string& yaml = shipped_config()) : simulation_({.seed = 42}, yaml) {
    log_configure(LogLevel::off, LogFormat::text);
  }

  // Sends one upload and runs the simulation until it has its response.
  const SimClient& upload() {
    ClientPlan plan;
    plan.id = "u" + std::to_string(count_++);
    plan.target = "/optimize?text=x&position=center";
    plan.body = "image";
    const SimClient& client = simulation_.client(std::move(plan));
    for (int steps = 0; !client.ended() && steps < 2000; ++steps) simulation_.run_for(50ms);
    REQUIRE(client.ended());
    return client;
  }

  policy::BreakerState state() {
    return simulation_.gateway().table()->breakers()[0]->view(simulation_.runtime().now()).state;
  }

  Simulation& simulation() { return simulation_; }

 private:
  Simulation simulation_;
  int count_ = 0;
};

int status(const SimClient& client) { return client.has_response() ? client.result()->status : 0; }

}  // namespace

TEST_CASE("a healthy upstream responds through Tidegate") {
  Fixture fixture;
  const SimClient& client = fixture.upload();
  CHECK(status(client) == 200);
  CHECK(client.result()->body == expected_response("/optimize?text=x&position=center", "image"));
}

TEST_CASE("five consecutive failures open the breaker, and the fifth is not refused") {
  Fixture fixture;
  fixture.simulation().upstream().set_mood({.error = 1});
  for (int i = 0; i < 4; ++i) {
    CHECK(status(fixture.upload()) == 202);
    CHECK(fixture.state() == policy::BreakerState::closed);
  }
  CHECK(status(fixture.upload()) == 202);
  CHECK(fixture.state() == policy::BreakerState::open);
}

TEST_CASE("a failure ratio of sixty percent opens the breaker without five consecutive failures") {
  Fixture fixture;
  for (const bool fails : {true, true, false, true, true, false, false, true, false}) {
    fixture.simulation().upstream().set_mood({.error = fails ? 1.0 : 0.0});
    fixture.upload();
    CHECK(fixture.state() == policy::BreakerState::closed);
  }
  fixture.simulation().upstream().set_mood({.error = 1});
  fixture.upload();
  CHECK(fixture.state() == policy::BreakerState::open);
}

TEST_CASE("after open_for one queued job is the probe, and its success closes the breaker") {
  Fixture fixture;
  fixture.simulation().upstream().set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) fixture.upload();
  const uint64_t seen = fixture.simulation().upstream().seen();
  fixture.simulation().upstream().set_mood({});
  fixture.simulation().run_for(29s);
  CHECK(fixture.state() == policy::BreakerState::open);
  CHECK(fixture.simulation().upstream().seen() == seen);
  fixture.simulation().run_for(6s);  // open_for is jittered by a tenth only after a failed probe
  CHECK(fixture.state() == policy::BreakerState::closed);
  fixture.simulation().run_for(60s);
  for (const jobs::JobRecord& job : fixture.simulation().store().all()) CHECK(job.status == jobs::JobStatus::succeeded);
}

// Sends a hundred uploads one after the other. Returns how many requests the upstream received.
uint64_t hundred_uploads(Fixture& fixture) {
  int waited = 0;
  for (int i = 0; i < 100; ++i) {
    const SimClient& client = fixture.upload();
    CHECK(status(client) == 202);
    if (client.took() >= 10s) ++waited;  // response_header
    if (client.took() < 10s) CHECK(client.took() < 100ms);
    fixture.simulation().run_for(100ms);
  }
  CHECK(waited <= 5);
  return fixture.simulation().upstream().seen();
}

TEST_CASE("a hundred requests to a hanging upstream cost five timeouts") {
  Fixture fixture(replaced(shipped_config(), "base: 1s", "base: 2m"));  // replays stay out of the way
  fixture.simulation().upstream().set_mood({.hang = 1});
  CHECK(hundred_uploads(fixture) == 5);
  CHECK(fixture.state() == policy::BreakerState::open);
}

TEST_CASE("with replays, a hanging upstream sees five calls and at most one more in flight") {
  Fixture fixture;
  fixture.simulation().upstream().set_mood({.hang = 1});
  CHECK(hundred_uploads(fixture) <= 6);
  CHECK(fixture.state() == policy::BreakerState::open);
}

TEST_CASE("no live request is the probe while a queued job can be it") {
  Fixture fixture;
  SimUpstream& upstream = fixture.simulation().upstream();
  upstream.set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) fixture.upload();
  CHECK(fixture.state() == policy::BreakerState::open);
  upstream.set_mood({.latency_min = 1s, .latency_max = 1s});
  // Continuous live traffic while the breaker becomes due and its probe is in flight.
  std::vector<const SimClient*> live;
  while (fixture.state() != policy::BreakerState::closed) {
    REQUIRE(live.size() < 400);
    live.push_back(&fixture.simulation().client(
        {.id = "live" + std::to_string(live.size()), .target = "/optimize", .body = "image"}));
    fixture.simulation().run_for(100ms);
  }
  CHECK(live.size() > 300);  // thirty seconds, and the probe's own
  live.pop_back();           // it may have come after the closing
  for (const SimClient* client : live) {
    CAPTURE(client->plan().id);
    CAPTURE(status(*client));
    CHECK((status(*client) == 202 || status(*client) == 429));
  }
}

TEST_CASE("a failure of a call from before the breaker opened does not count as the probe's") {
  Fixture fixture(replaced(shipped_config(), "open_for: 30s", "open_for: 4s"));
  SimUpstream& upstream = fixture.simulation().upstream();
  upstream.set_mood({.error = 1, .latency_min = 7s, .latency_max = 7s});
  fixture.simulation().client({.id = "late", .target = "/optimize", .body = "image"});
  fixture.simulation().run_for(100ms);
  upstream.set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) fixture.upload();
  CHECK(fixture.state() == policy::BreakerState::open);
  upstream.set_mood({.latency_min = 5s, .latency_max = 5s});
  fixture.simulation().run_for(5s);  // due after four seconds: a queued job is the probe, and takes its time
  CHECK(fixture.state() == policy::BreakerState::half_open);
  fixture.simulation().run_for(3s);  // the late failure has come
  CHECK(fixture.state() == policy::BreakerState::half_open);
  fixture.simulation().run_for(3s);
  CHECK(fixture.state() == policy::BreakerState::closed);
}

TEST_CASE("an OPTIONS with Max-Forwards: 0 gets its response from Tidegate") {
  Fixture fixture(replaced(shipped_config(), "methods: [POST]", "methods: [POST, OPTIONS]"));
  net::SimRuntime& runtime = fixture.simulation().runtime();
  std::optional<Result<http::FetchResponse>> response;
  http::FetchRequest request;
  request.method = "OPTIONS";
  request.host = fixture.simulation().config().listeners[0].address.to_string();
  request.target = "/optimize";
  request.fields = {{"Max-Forwards", "0"}};
  const auto fetching =
      http::fetch(runtime, request, [&](Result<http::FetchResponse> result) { response = std::move(result); });
  fixture.simulation().run_for(1s);
  REQUIRE((response && response->ok()));
  CHECK((*response)->status == 204);
  CHECK(fixture.simulation().upstream().seen() == 0);
}

TEST_CASE("a full queue responds with 503 queue_full and Retry-After, and stores nothing") {
  Simulation simulation({.seed = 1}, replaced(shipped_config(), "max_jobs: 100000", "max_jobs: 2"));
  simulation.upstream().stop();
  std::vector<const SimClient*> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(&simulation.client({.id = "f" + std::to_string(i), .target = "/optimize", .body = "x"}));
    simulation.run_for(1s);
  }
  CHECK(status(*clients[0]) == 202);
  CHECK(status(*clients[1]) == 202);
  for (int i = 2; i < 5; ++i) {
    REQUIRE(status(*clients[i]) == 503);
    CHECK(nlohmann::json::parse(clients[i]->result()->body)["reason"] == "queue_full");
    CHECK(clients[i]->result()->field("retry-after") != "");
  }
  CHECK(simulation.store().all().size() == 2);
}

}  // namespace tidegate::sim
