// Replay beside live traffic: the clients of the hour do not notice it, and no job is forgotten over them.
#include <algorithm>

#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/world.h"

namespace tidegate::sim {

namespace {

// Every job's first replays fail at once; the next come half a minute later, all together.
constexpr const char* kConfig = R"(
admin: {address: 127.0.0.1:9901}
upstreams:
  up:
    endpoints: [http://10.0.0.2:3001]
    bulkhead: {max_concurrent: 4, max_waiting: 50, max_wait: 5s}
queues:
  q:
    url: sqlite:///sim.db
    replay: {concurrency: 8, max_attempts: 5, timeout: 10s, backoff: {base: 30s, max: 30s, jitter: none}}
listeners:
  - name: in
    address: 10.0.0.1:8081
    routes:
      - name: work
        match: {path: /work}
        upstream: up
        fallback: {on: [503], enqueue: {queue: q}}
)";

constexpr int kJobs = 150;
constexpr int kLive = 400;

struct Hour {
  Duration slowest{};
  Duration all_together{};
  int good = 0;
  int upstream_at_once = 0;
};

// Half a minute after the trouble: a call every 75 ms to an upstream that takes 50 ms to 100 ms, with or without a
// backlog of jobs that are due.
Hour run_hour(World& world, bool with_backlog) {
  log_configure(LogLevel::off, LogFormat::text);
  world.upstream().set_mood({.error = 1, .latency_min = 1ms, .latency_max = 1ms});
  std::vector<const SimClient*> parked, live;
  for (int i = 0; with_backlog && i < kJobs; ++i) {
    ClientPlan plan;
    plan.id = "job" + std::to_string(i);
    plan.target = "/work?job=" + std::to_string(i);
    plan.body = "body " + std::to_string(i);
    plan.starts = world.runtime().now() + i * 20ms;
    parked.push_back(&world.client(std::move(plan)));
  }
  world.run_for(20s);
  for (const SimClient* client : parked) REQUIRE((client->answered() && client->result()->status == 202));
  world.upstream().set_mood({.latency_min = 50ms, .latency_max = 100ms});
  for (int i = 0; i < kLive; ++i) {
    ClientPlan plan;
    plan.id = "live" + std::to_string(i);
    plan.target = "/work?live=" + std::to_string(i);
    plan.starts = world.runtime().now() + 10s + i * 75ms;
    live.push_back(&world.client(std::move(plan)));
  }
  world.run_for(60s);
  Hour hour;
  for (const SimClient* client : live) {
    REQUIRE(client->answered());
    if (client->result()->status == 200) ++hour.good;
    hour.slowest = std::max(hour.slowest, client->took());
    hour.all_together += client->took();
  }
  hour.upstream_at_once = world.upstream().running_max();
  return hour;
}

}  // namespace

TEST_CASE("live requests wait no longer while a backlog is replayed, and the backlog is worked off beside them") {
  World quiet({.seed = 3}, kConfig);
  const Hour without = run_hour(quiet, false);
  World busy({.seed = 3}, kConfig);
  const Hour with = run_hour(busy, true);
  CHECK(without.good == kLive);
  CHECK(with.good == kLive);
  CHECK(to_seconds(with.slowest) <= to_seconds(without.slowest) * 1.1);
  CHECK(to_seconds(with.all_together) <= to_seconds(without.all_together) * 1.05);
  CHECK(with.upstream_at_once <= 4);
  // Every job has ended, once, in the very answer that a live call would have got; its history tells all of it.
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
          expected_answer("/work?job=" + number, "body " + number));
    CHECK(busy.upstream().tries_of(id) == 1 + static_cast<int>(record.history.size()));
  }
  CHECK(ended == kJobs);
}

}  // namespace tidegate::sim
