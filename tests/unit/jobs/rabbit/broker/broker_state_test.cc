// The phases of the connection to the broker, without a broker.
#include "jobs/rabbit/broker/broker_state.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

namespace {

using Phase = BrokerState::Phase;
constexpr Time kStart{1h};

}  // namespace

TEST_CASE("a broker is unavailable until it is connected") {
  BrokerState state;
  CHECK(state.phase() == Phase::connecting);
  CHECK(state.unavailable_reason() == "rabbitmq: not connected yet");
  state.on_connected(kStart, Duration(0));
  CHECK(state.phase() == Phase::available);
  CHECK(state.unavailable_reason().empty());
}

TEST_CASE("each failure doubles the back-off up to its limit, and a connection resets it") {
  BrokerState state;
  Time now = kStart;
  for (const Duration wait : {Duration(100ms), Duration(200ms), Duration(400ms), Duration(800ms), Duration(1600ms),
                              Duration(2s), Duration(2s)}) {
    state.on_failed(now, "refused");
    CHECK(state.phase() == Phase::back_off);
    CHECK(state.retry_at() == now + wait);
    CHECK_FALSE(state.on_time(now + wait - 1ms));
    now += wait;
    CHECK(state.on_time(now));
    CHECK(state.phase() == Phase::connecting);
    CHECK(state.unavailable_reason() == "refused");
  }
  CHECK(state.failures() == 7);
  state.on_connected(now, Duration(0));
  CHECK(state.failures() == 0);
  state.on_failed(now, "lost");
  CHECK(state.failures() == 1);
  CHECK(state.retry_at() == now + 100ms);
}

TEST_CASE("queues that were declared just now are not relied on at once") {
  BrokerState state;
  state.on_connected(kStart, 2s);
  CHECK(state.phase() == Phase::settling);
  CHECK_FALSE(state.unavailable_reason().empty());
  CHECK_FALSE(state.on_time(kStart + 1999ms));
  CHECK(state.on_time(kStart + 2s));
  CHECK(state.phase() == Phase::available);
  CHECK_FALSE(state.on_time(kStart + 3s));
}

TEST_CASE("an alarm blocks the broker until it is over") {
  BrokerState state;
  state.on_connected(kStart, Duration(0));
  state.on_blocked("low on memory");
  CHECK(state.phase() == Phase::blocked);
  CHECK(state.unavailable_reason() == "blocked: low on memory");
  CHECK_FALSE(state.on_time(kStart + 1h));
  state.on_unblocked(kStart + 1h);
  CHECK(state.phase() == Phase::available);
}

TEST_CASE("an alarm that ends before the queues have settled leaves the broker settling") {
  BrokerState state;
  state.on_connected(kStart, 2s);
  state.on_blocked("low on disk");
  state.on_unblocked(kStart + 1s);
  CHECK(state.phase() == Phase::settling);
  CHECK(state.on_time(kStart + 2s));
  CHECK(state.phase() == Phase::available);
}

TEST_CASE("the end of an alarm is ignored where the connection was lost meanwhile") {
  BrokerState state;
  state.on_connected(kStart, Duration(0));
  state.on_blocked("low on memory");
  state.on_failed(kStart + 1s, "lost");
  state.on_unblocked(kStart + 2s);
  CHECK(state.phase() == Phase::back_off);
  CHECK(state.unavailable_reason() == "lost");
}

}  // namespace tidegate::jobs
