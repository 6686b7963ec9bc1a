// Two processes on one queue.
#include <array>
#include <set>

#include "unit/jobs/rabbit/two_processes.h"

namespace tidegate::jobs {

TEST_CASE("two processes share the work, each job once") {
  TwoProcesses fixture(2);
  std::set<std::string> accepted;
  for (int i = 0; i < 10; ++i) accepted.insert(fixture.asker(0).append_new());
  std::set<std::string> run;
  std::array<int, 2> share{};
  for (size_t i = 0; run.size() < accepted.size(); i = 1 - i) {
    const auto job = fixture.asker(i).try_claim();
    REQUIRE(job.ok());
    if (!*job) continue;
    CHECK(run.insert((*job)->id).second);
    ++share[i];
    REQUIRE(fixture.asker(i).succeed(**job).ok());
  }
  CHECK(run == accepted);
  CHECK(share[0] > 0);
  CHECK(share[1] > 0);
}

TEST_CASE("deliveries that one process does not claim go to the other") {
  TwoProcesses fixture(32);
  fixture.second_leaves();
  std::set<std::string> accepted;
  for (int i = 0; i < 5; ++i) accepted.insert(fixture.asker(0).append_new());
  fixture.second_joins();
  std::set<std::string> run;
  for (int tries = 0; run.size() < accepted.size() && tries < 40; ++tries) {
    const auto job = fixture.asker(1).try_claim();
    REQUIRE(job.ok());
    if (!*job) continue;
    run.insert((*job)->id);
    REQUIRE(fixture.asker(1).succeed(**job).ok());
  }
  CHECK(run == accepted);
}

}  // namespace tidegate::jobs
