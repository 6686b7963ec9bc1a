// Many jobs in one queue. SIM_JOBS (default 3000) is how many wait in the outage, SIM_BAD_JOBS (default 100) how many
// bad ones lie before ten times as many good ones.
#include <algorithm>

#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/crowd.h"

namespace tidegate::sim {

namespace {

constexpr Duration kOutage = 3h;
constexpr UpstreamMood kRecovered{.response_max = 100, .poison_status = 500};

struct Tally {
  uint64_t jobs = 0, dead = 0, attempts = 0, deferrals = 0;
  uint64_t wrong = 0;  // a good one that has not succeeded, a bad one that is not dead, or had too many attempts
};

Tally tally_of(Simulation& simulation) {
  Tally tally;
  const int attempts_max = simulation.config().queues.at("q").replay.max_attempts;
  for (const jobs::JobRecord& record : simulation.store().all()) {
    const bool bad = record.target.find("poison") != std::string::npos;
    const auto expected = bad ? jobs::JobStatus::dead : jobs::JobStatus::succeeded;
    ++tally.jobs;
    if (record.status == jobs::JobStatus::dead) ++tally.dead;
    tally.attempts += static_cast<uint64_t>(record.attempt);
    tally.deferrals += static_cast<uint64_t>(record.deferrals);
    if (record.status != expected || record.attempt > attempts_max) ++tally.wrong;
  }
  return tally;
}

}  // namespace

TEST_CASE("of many jobs in an outage with restarts none is dead for its sake, and the bad ones are dead soon after") {
  log_configure(LogLevel::off, LogFormat::text);
  const uint64_t jobs = number_from("SIM_JOBS", 3000);
  const uint64_t one_in = std::min<uint64_t>(10'000, jobs / 10);
  Simulation simulation({.seed = 1}, config_of_outages());
  LiveTraffic live(simulation);
  Crowd crowd(simulation);
  live.run_for(10s);
  simulation.upstream().set_mood({.error = 1});
  for (int third = 0; third < 3; ++third) {
    crowd.add(jobs / 3, [&](uint64_t number) { return number % one_in == 3; });
    live.run_for(60s);
    simulation.run_for(kOutage / 3 - 60s);
    if (third == 2) break;
    simulation.kill_tidegate();
    simulation.start_tidegate();
  }
  CHECK(tally_of(simulation).dead == 0);
  const uint64_t seen_before = simulation.upstream().seen();
  simulation.upstream().set_mood(kRecovered);
  Duration took{};
  for (; crowd.waiting() > 0 && took < 24h; took += 60s) live.run_for(60s);
  const Tally tally = tally_of(simulation);
  CHECK(tally.jobs >= jobs / 3 * 3);
  CHECK(tally.wrong == 0);
  CHECK(tally.dead > 0);
  MESSAGE(tally.jobs << " jobs, " << tally.dead << " dead, " << tally.attempts << " attempts, " << tally.deferrals
                     << " deferrals; " << seen_before << " calls before the recovery, " << simulation.upstream().seen()
                     << " in all; ended " << to_seconds(took) << " s after it");
}

TEST_CASE("bad jobs before the good ones cost few probes after an outage, though no live request comes") {
  log_configure(LogLevel::off, LogFormat::text);
  const uint64_t bad = 300;
  Simulation simulation({.seed = 1}, config_of_outages());
  Crowd crowd(simulation);
  simulation.upstream().set_mood({.error = 1});
  crowd.add(bad, [](uint64_t) { return true; });
  crowd.add(bad, [](uint64_t) { return false; });
  simulation.run_for(kOutage);
  const auto succeeded = [&] {
    return simulation.store().view().depth[static_cast<size_t>(jobs::JobStatus::succeeded)];
  };
  REQUIRE(succeeded() == 0);
  simulation.upstream().set_mood(kRecovered);
  Duration took{};
  const auto run_until = [&](uint64_t jobs) {
    for (; succeeded() < jobs && took < 24h; took += 1s) simulation.run_for(1s);
    return took;
  };
  const Duration first = run_until(1), last = run_until(bad);
  CHECK(first < 1h);  // each by itself would be a probe every five minutes
  CHECK(succeeded() == bad);
  MESSAGE(bad << " bad jobs before as many good ones: the first of these succeeded " << to_seconds(first)
              << " s after the recovery, the last " << to_seconds(last) << " s");
}

TEST_CASE("bad jobs whose failures the breaker does not count hold the good ones of their route for a moment each") {
  log_configure(LogLevel::off, LogFormat::text);
  const uint64_t bad = number_from("SIM_BAD_JOBS", 100);
  Simulation simulation({.seed = 1}, config_of_outages("failures: [connect_failure, 503]"));
  Crowd crowd(simulation);
  simulation.upstream().set_mood(kRecovered);
  crowd.add(bad, [](uint64_t) { return true; });
  crowd.add(10 * bad, [](uint64_t) { return false; });
  const auto succeeded = [&] {
    return simulation.store().view().depth[static_cast<size_t>(jobs::JobStatus::succeeded)];
  };
  Duration took{};
  for (; succeeded() < 10 * bad && took < 24h; took += 1s) simulation.run_for(1s);
  CHECK(took < bad * 500ms);
  MESSAGE(bad << " bad jobs before " << 10 * bad << " good ones, of which the last ended after " << to_seconds(took)
              << " s");
}

}  // namespace tidegate::sim
