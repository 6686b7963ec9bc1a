// Outages of the upstream, from seconds to days, with restarts of Tidegate and bad jobs among the good ones: no
// promised job is dead for the outage's sake, and a bad one is dead within max_attempts of the recovery.
#include <algorithm>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "sim/crowd.h"

namespace tidegate::sim {

namespace {

constexpr int kAttempts = 5;

struct Outage {
  Duration length;
  int jobs;
  int restarts;
};

class OutageRun {
 public:
  OutageRun(uint64_t seed, const Outage& outage)
      : outage_(outage), random_(seed), simulation_({.seed = seed}, config_of_outages()) {
    log_configure(LogLevel::off, LogFormat::text);
  }

  void run() {
    live_.run_for(10s);
    bad_job();  // while all is well
    break_upstream();
    std::vector<Duration> restarts;
    for (int i = 0; i < outage_.restarts; ++i) restarts.push_back(within(outage_.length));
    std::sort(restarts.begin(), restarts.end());
    for (int i = 0; i < outage_.jobs; ++i) park(i, within(std::min<Duration>(outage_.length, 10min)));
    Duration passed{};
    for (const Duration at : restarts) {
      simulation_.run_for(at - passed);
      passed = at;
      simulation_.kill_tidegate();
      simulation_.start_tidegate();
    }
    simulation_.run_for(outage_.length - passed);
    CHECK(count(jobs::JobStatus::dead) == 0);
    simulation_.upstream().set_mood({});
    simulation_.upstream().start();
    live_.run_for(60min);
  }

  void check() {
    for (const jobs::JobRecord& record : simulation_.store().all()) {
      const bool bad = record.target.find("poison") != std::string::npos;
      CAPTURE(record.id);
      CAPTURE(record.attempt);
      CAPTURE(record.deferrals);
      CAPTURE(record.last_error);
      CHECK(to_string(record.status) == std::string(bad ? "dead" : "succeeded"));
      CHECK(record.attempt <= kAttempts);
      if (bad) CHECK(record.last_error == "503");
    }
    for (const SimClient* client : promised_) {
      if (!client->has_response() || client->result()->status != 202) continue;
      const std::string id = nlohmann::json::parse(client->result()->body).at("job_id");
      const auto all = simulation_.store().all();
      CHECK(std::any_of(all.begin(), all.end(), [&](const jobs::JobRecord& record) { return record.id == id; }));
    }
  }

 private:
  Duration within(Duration span) {
    return Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(span.count()))));
  }
  int count(jobs::JobStatus status) {
    const auto all = simulation_.store().all();
    return static_cast<int>(
        std::count_if(all.begin(), all.end(), [&](const jobs::JobRecord& record) { return record.status == status; }));
  }
  void break_upstream() {
    switch (random_.below(3)) {
      case 0: return simulation_.upstream().set_mood({.error = 1});
      case 1: return simulation_.upstream().set_mood({.hang = 1});
      default: return simulation_.upstream().stop();
    }
  }
  void park(int number, Duration after) {
    const bool bad = number % 10 == 3;
    promised_.push_back(&simulation_.client({.id = "job" + std::to_string(number),
                                             .target = (bad ? "/work?poison=" : "/work?job=") + std::to_string(number),
                                             .body = "image",
                                             .starts = simulation_.runtime().now() + after}));
  }
  void bad_job() {
    promised_.push_back(&simulation_.client({.id = "bad", .target = "/work?poison=first", .body = "image"}));
    simulation_.run_for(1s);
  }
  const Outage outage_;
  Random random_;
  Simulation simulation_;
  LiveTraffic live_{simulation_};
  std::vector<const SimClient*> promised_;
};

}  // namespace

TEST_CASE("no outage ends a promised job, and a bad job is dead within max_attempts of the recovery") {
  const Outage outages[] = {
      {5s, 3, 0}, {45s, 1, 1}, {3min, 40, 2}, {10min, 1, 2}, {1h, 100, 6}, {7h, 20, 12}, {30h, 1, 4}, {100h, 60, 20},
  };
  const uint64_t count = number_from("SIM_OUTAGE_SEEDS", 3);
  for (uint64_t seed = 1; seed <= count; ++seed) {
    for (const Outage& outage : outages) {
      CAPTURE(seed);
      CAPTURE(to_seconds(outage.length));
      OutageRun run(seed, outage);
      run.run();
      run.check();
    }
  }
}

}  // namespace tidegate::sim
