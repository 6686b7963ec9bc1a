// When a client is too slow for what is held for it.
#include "core/exchange/slow_client.h"

#include <doctest/doctest.h>

#include "net/sim/sim_runtime.h"

namespace tidegate::core {

namespace {

struct Watched {
  explicit Watched(uint64_t min_rate = 1000) {
    limits.min_rate = min_rate;
    limits.min_rate_grace = 10s;
    watch.emplace(
        runtime, limits, [this] { return progress; }, [this] { ++cut_off; });
  }
  // The client moves so much in that time, and is waited for during a part of it.
  void pass(Duration time, uint64_t bytes, Duration waited) {
    progress.bytes += bytes;
    progress.waited += waited;
    runtime.run_for(time);
  }

  net::SimRuntime runtime{1};
  config::ListenerLimits limits;
  SlowClient::Progress progress{0, 0s};
  int cut_off = 0;
  std::optional<SlowClient> watch;
};

}  // namespace

TEST_CASE("a client that keeps the rate goes on, in bursts too") {
  Watched client;
  for (int i = 0; i < 10; ++i) client.pass(10s, 10'000, 10s);
  CHECK(client.cut_off == 0);
}

TEST_CASE("a client below the rate is cut off once, at the end of a grace") {
  Watched client;
  client.pass(9s, 0, 9s);
  CHECK(client.cut_off == 0);
  client.pass(60s, 5'000, 1s);
  CHECK(client.cut_off == 1);
}

TEST_CASE("the time in which the client is not waited for is not its own") {
  Watched client;
  for (int i = 0; i < 10; ++i) client.pass(10s, 0, 4s);
  CHECK(client.cut_off == 0);
  client.pass(10s, 4'900, 5s);
  CHECK(client.cut_off == 1);
}

TEST_CASE("without a rate nobody is cut off") {
  Watched client(0);
  client.pass(600s, 0, 600s);
  CHECK(client.cut_off == 0);
}

}  // namespace tidegate::core
