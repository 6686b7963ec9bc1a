// Seeded runs of the whole world. SIM_SEEDS (default 200) says how many, SIM_FIRST where to begin; a failure names its
// seed, and SIM_FIRST=seed SIM_SEEDS=1 runs it again, event for event.
#include <cstdlib>

#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/world.h"

namespace tidegate::sim {

namespace {

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void quiet() {
  if (!std::getenv("SIM_LOG")) log_configure(LogLevel::off, LogFormat::text);
}

}  // namespace

TEST_CASE("every invariant holds in every seeded run") {
  quiet();
  const uint64_t first = number_from("SIM_FIRST", 1);
  const uint64_t count = number_from("SIM_SEEDS", 200);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    World world({.seed = seed});
    const std::vector<std::string> findings = world.run();
    for (const std::string& finding : findings) FAIL_CHECK("seed " << seed << ": " << finding);
  }
  MESSAGE(count << " seeds from " << first);
}

TEST_CASE("the same seed gives the same run, another seed another") {
  quiet();
  const auto trace = [](uint64_t seed) {
    World world({.seed = seed});
    static_cast<void>(world.run());
    return world.trace_hash();
  };
  CHECK(trace(7) == trace(7));
  CHECK(trace(7) != trace(8));
}

}  // namespace tidegate::sim
