#include "http/server/connection_count.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace tidegate;

TEST_CASE("Connections are counted exactly, whoever adds them") {
  constexpr int kThreads = 4, kEach = 10000, kMax = 3;
  http::ConnectionCount count(kMax);
  std::atomic<int> open{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        if (!count.add()) continue;
        const int now = open.fetch_add(1) + 1;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        open.fetch_sub(1);
        count.remove();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most.load() <= kMax);
  for (int i = 0; i < kMax; ++i) CHECK(count.add());
  CHECK_FALSE(count.add());
}

TEST_CASE("connections beyond a smaller maximum stay, and none is added before they have gone") {
  http::ConnectionCount count(2);
  REQUIRE(count.add());
  REQUIRE(count.add());
  count.set_max(1);
  count.remove();
  CHECK_FALSE(count.add());
  count.remove();
  CHECK(count.add());
}
