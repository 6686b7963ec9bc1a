// Seeded runs of the whole simulation. SIM_SEEDS (default 200) is their number, SIM_FIRST the first seed. A failure
// names its seed; SIM_FIRST=seed SIM_SEEDS=1 repeats it event for event.
#include <cstdlib>

#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/crowd.h"

namespace tidegate::sim {

namespace {

void quiet() {
  if (!std::getenv("SIM_LOG")) log_configure(LogLevel::off, LogFormat::text);
}

}  // namespace

TEST_CASE("every invariant holds in every seeded run") {
  quiet();
  const uint64_t first = number_from("SIM_FIRST", 1);
  const uint64_t count = number_from("SIM_SEEDS", 200);
  SimProcess::Counts reloads;
  int stops = 0, over_a_reload = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation({.seed = seed});
    const std::vector<std::string> findings = simulation.run();
    for (const std::string& finding : findings) FAIL_CHECK("seed " << seed << ": " << finding);
    reloads.applied += simulation.process_counts().applied;
    reloads.refused += simulation.process_counts().refused;
    reloads.rolled_back += simulation.process_counts().rolled_back;
    stops += simulation.stops();
    over_a_reload += simulation.requests_over_a_reload();
  }
  MESSAGE(count << " seeds from " << first << "; reloads: " << reloads.applied << " applied, " << reloads.rolled_back
                << " rolled back, " << reloads.refused << " refused; " << over_a_reload
                << " requests ended after their table was replaced; " << stops << " processes drained");
  if (count < 100) return;
  for (const int events : {reloads.applied, reloads.refused, reloads.rolled_back, stops, over_a_reload}) {
    CHECK(events > 0);  // the runs come to everything
  }
}

TEST_CASE("every invariant holds in seeded runs with TLS to the upstream") {
  quiet();
  const uint64_t first = number_from("SIM_FIRST", 1);
  const uint64_t count = (number_from("SIM_SEEDS", 200) + 9) / 10;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation({.seed = seed, .tls = true});
    const std::vector<std::string> findings = simulation.run();
    for (const std::string& finding : findings) FAIL_CHECK("seed " << seed << ": " << finding);
  }
  MESSAGE(count << " seeds with TLS from " << first);
}

TEST_CASE("every invariant holds where nothing fails, and no tunnel is reset that neither of its sides has reset") {
  quiet();
  const uint64_t first = number_from("SIM_FIRST", 1);
  for (uint64_t seed = first; seed < first + 20; ++seed) {
    Simulation simulation({.seed = seed, .store_faults = false, .network_faults = false, .crashes = false});
    for (const std::string& finding : simulation.run()) FAIL_CHECK("seed " << seed << ": " << finding);
  }
}

TEST_CASE("the same seed gives the same run, and another seed a different one") {
  quiet();
  const auto trace = [](uint64_t seed) {
    Simulation simulation({.seed = seed});
    static_cast<void>(simulation.run());
    return simulation.trace_hash();
  };
  CHECK(trace(7) == trace(7));
  CHECK(trace(7) != trace(8));
}

}  // namespace tidegate::sim
