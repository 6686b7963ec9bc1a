// Workers that choose endpoints at the same time.
#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "unit/core/upstream/upstream_fixture.h"

namespace tidegate::core {

namespace {

constexpr const char* kThree = "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\", \"http://10.0.0.4:3001\"";

}  // namespace

TEST_CASE("round_robin is exact over all threads, at the end of any number of choices") {
  test::UpstreamFixture fixture(", balance: round_robin", kThree);
  const Time now = fixture.runtime.now();
  for (const int each : {1, 2, 1000, 10'001}) {
    CAPTURE(each);
    std::vector<uint32_t> before;
    for (const auto& endpoint : fixture.upstream->endpoints()) before.push_back(endpoint->load().turns);
    std::vector<std::thread> workers;
    for (int i = 0; i < 2; ++i) {
      workers.emplace_back([&] {
        for (int j = 0; j < each; ++j) static_cast<void>(fixture.upstream->choose(now));
      });
    }
    for (std::thread& worker : workers) worker.join();
    uint32_t least = UINT32_MAX, most = 0, sum = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      const uint32_t turns = fixture.upstream->endpoint(i).load().turns;
      least = std::min(least, turns);
      most = std::max(most, turns);
      sum += turns - before[i];
    }
    CHECK(most - least <= 1);
    CHECK(sum == static_cast<uint32_t>(2 * each));  // no turn was given for nothing
  }
}

TEST_CASE("least_requests never has two endpoints more than one request apart, over all threads") {
  test::UpstreamFixture fixture(", balance: least_requests", kThree);
  const Time now = fixture.runtime.now();
  std::vector<std::vector<CountedRequest>> held(2);
  std::vector<std::thread> workers;
  for (auto& mine : held) {
    workers.emplace_back([&] {
      for (int j = 0; j < 1001; ++j) mine.push_back(fixture.upstream->choose(now));
    });
  }
  for (std::thread& worker : workers) worker.join();
  const auto requests = [&](size_t endpoint) { return fixture.upstream->endpoint(endpoint).load().requests; };
  CHECK(requests(0) + requests(1) + requests(2) == 2002);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(requests(i) >= 667);
    CHECK(requests(i) <= 668);
  }
  held.clear();
  for (size_t i = 0; i < 3; ++i) CHECK(requests(i) == 0);
}

}  // namespace tidegate::core
