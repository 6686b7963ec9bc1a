// Replay beside live traffic: live clients do not notice it, and every job is finished.
#include <algorithm>

#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/simulation.h"
#include "support/config_builder.h"

namespace tidegate::sim {

namespace {

// The first replays of every job fail at once; the next come half a minute later, all together.
std::string config_of_the_hour() {
  return test::ConfigBuilder()
      .admin("address: 127.0.0.1:9901")
      .listener("address: 10.0.0.1:8081")
      .upstream("up", R"(endpoints: ["http://10.0.0.2:3001"],
                bulkhead: {max_concurrent: 4, max_waiting: 50, max_wait: 5s})")
      .queue("q", R"(url: "sqlite:///sim.db",
             replay: {concurrency: 8, max_attempts: 5, timeout: 10s, backoff: {base: 30s, max: 30s, jitter: none}})")
      .route("work", "match: {path: /work}, upstream: up, fallback: {on: [503], enqueue: {queue: q}}");
}

constexpr int kJobs = 150;
constexpr int kLive = 400;

struct Hour {
  Duration slowest{};
  Duration all_together{};
  int good = 0;
  int upstream_at_once = 0;
};

// Half a minute after the failures: a call every 75 ms to an upstream that takes 50 ms to 100 ms, with or without a
// backlog of due jobs.
Hour run_hour(Simulation& simulation, bool with_backlog) {
  log_configure(LogLevel::off, LogFormat::text);
  simulation.upstream().set_mood({.error = 1, .latency_min = 1ms, .latency_max = 1ms});
  std::vector<const SimClient*> parked, live;
  for (int i = 0; with_backlog && i < kJobs; ++i) {
    ClientPlan plan;
    plan.id = "job" + std::to_string(i);
    plan.target = "/work?job=" + std::to_string(i);
    plan.body = "body " + std::to_string(i);
    plan.starts = simulation.runtime().now() + i * 20ms;
    parked.push_back(&simulation.client(std::move(plan)));
  }
  simulation.run_for(20s);
  for (const SimClient* client : parked) REQUIRE((client->has_response() && client->result()->status == 202));
  simulation.upstream().set_mood({.latency_min = 50ms, .latency_max = 100ms});
  for (int i = 0; i < kLive; ++i) {
    ClientPlan plan;
    plan.id = "live" + std::to_string(i);
    plan.target = "/work?live=" + std::to_string(i);
    plan.starts = simulation.runtime().now() + 10s + i * 75ms;
    live.push_back(&simulation.client(std::move(plan)));
  }
  simulation.run_for(60s);
  Hour hour;
  for (const SimClient* client : live) {
    REQUIRE(client->has_response());
    if (client->result()->status == 200) ++hour.good;
    hour.slowest = std::max(hour.slowest, client->took());
    hour.all_together += client->took();
  }
  hour.upstream_at_once = simulation.upstream().running_max();
  return hour;
}

}  // namespace

TEST_CASE("live requests do not wait longer while a backlog is replayed, and the backlog is finished") {
  Simulation quiet({.seed = 3}, config_of_the_hour());
  const Hour without = run_hour(quiet, false);
  Simulation busy({.seed = 3}, config_of_the_hour());
  const Hour with = run_hour(busy, true);
  CHECK(without.good == kLive);
  CHECK(with.good == kLive);
  CHECK(to_seconds(with.slowest) <= to_seconds(without.slowest) * 1.1);
  CHECK(to_seconds(with.all_together) <= to_seconds(without.all_together) * 1.05);
  CHECK(with.upstream_at_once <= 4);
  // Every job has succeeded once, with the response that a live call would have got, and a complete history.
  int ended = 0;
  for (const jobs::JobRecord& record : busy.store().all()) {
    REQUIRE(record.status == jobs::JobStatus::succeeded);
    ++ended;
    REQUIRE(!record.history.empty());
    for (size_t i = 0; i + 1 < record.history.size(); ++i) CHECK(record.history[i].error == "503");
    CHECK(record.history.back().error.empty());
    const std::string id = busy.store().field(record.id, "x-sim-id");
    const std::string number = id.substr(3);
    CHECK(busy.store().stored_result(record.id)->body.memory ==
          expected_response("/work?job=" + number, "body " + number));
    CHECK(busy.upstream().attempts_of(id) == 1 + static_cast<int>(record.history.size()));
  }
  CHECK(ended == kJobs);
}

}  // namespace tidegate::sim
