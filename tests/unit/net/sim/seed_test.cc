// Virtual time; and one seed, one run. Random owners let go at random moments, under every fault at once: no callback
// reaches who has gone, no byte is invented, nothing is left open.
#include <algorithm>

#include "base/random.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

const SocketAddress kListener = *SocketAddress::parse("10.0.0.1:80");

constexpr net::SimLink kRough = {.latency_min = 10us,
                                 .latency_max = 20ms,
                                 .refuse = 0.05,
                                 .blackhole = 0.05,
                                 .reset = 0.02,
                                 .fragment = 0.3,
                                 .window = 3000};

// The n-th byte that anybody sends on a connection: a reader can tell a wrong one by its place.
char byte_at(size_t offset) { return static_cast<char>((offset * 31 + offset / 256) & 0xff); }

// An end that does something at random whenever it is told anything.
class Restless {
 public:
  Restless(net::SimRuntime& loop, Random& chance) : loop_(loop), chance_(chance), timer_(loop, [this] { act(); }) {
    peer.in_read = [this] {
      check();
      act();
    };
    peer.in_end = peer.in_drained = [this] { act(); };
    peer.in_error = [this] {
      if (chance_.chance(0.5)) peer.close();
    };
  }
  void adopt(std::unique_ptr<net::Stream> stream) {
    peer.adopt(std::move(stream), chance_.chance(0.8));
    act();
  }

  Peer peer;
  bool wrong_byte = false;

 private:
  void check() {
    for (const char c : peer.received) wrong_byte = wrong_byte || c != byte_at(read_++);
    peer.received.clear();
  }
  void write() {
    std::string bytes(1 + chance_.below(6000), '\0');
    for (char& c : bytes) c = byte_at(written_++);
    peer.stream->write(bytes);
  }
  void act() {
    if (!peer.stream) return;
    switch (chance_.below(12)) {
      case 0: return peer.close();
      case 1: peer.stream->reset_on_close(); return peer.close();
      case 2:
        ending_ = true;
        peer.stream->end_writing();
        break;
      case 3: peer.stream->stop_reading(); break;
      case 4: peer.stream->start_reading(); break;
      case 5: loop_.post([] {}); break;
      default:
        if (!ending_ && peer.stream->write_pending() < 20'000) write();
    }
    if (steps_++ < 200) timer_.start_after(Duration(static_cast<int64_t>(chance_.below(10'000'000))));
  }

  net::SimRuntime& loop_;
  Random& chance_;
  net::Timer timer_;
  size_t read_ = 0, written_ = 0;
  bool ending_ = false;
  int steps_ = 0;
};

struct Outcome {
  uint64_t trace;
  size_t events;
  size_t bytes;
};

Outcome rough_day(uint64_t seed) {
  net::SimRuntime loop(seed);
  loop.set_default_link(kRough);
  Random chance(seed + 1);
  std::vector<std::unique_ptr<Restless>> ends;
  std::vector<std::unique_ptr<net::Operation>> connecting;
  auto listener = loop.listen(kListener, [&](auto stream) {
    ends.emplace_back(std::make_unique<Restless>(loop, chance))->adopt(std::move(stream));
  });
  REQUIRE(listener.ok());
  for (int i = 0; i < 20; ++i) {
    connecting.push_back(loop.connect(kListener, [&](auto result) {
      if (result.ok()) ends.emplace_back(std::make_unique<Restless>(loop, chance))->adopt(std::move(*result));
    }));
  }
  Outcome outcome{};
  for (; loop.run_one(); ++outcome.events) {
    REQUIRE(outcome.events < 1'000'000);
    if (outcome.events % 97 == 5) connecting[chance.below(connecting.size())].reset();
    if (outcome.events == 800) loop.reset_connections(kListener);
  }
  for (const auto& end : ends) {
    outcome.bytes += end->peer.received_bytes;
    CHECK(end->peer.calls_when_closed == 0);
    CHECK(end->peer.ends <= 1);
    CHECK(end->peer.errors <= 1);
    CHECK_FALSE(end->wrong_byte);
  }
  connecting.clear();
  ends.clear();
  CHECK(loop.open_streams() == 0);
  CHECK(loop.open_operations() == 0);
  CHECK(loop.active_timers() == 0);
  while (loop.run_one()) {
  }
  outcome.trace = loop.trace_hash();
  return outcome;
}

}  // namespace

TEST_CASE("The same seed gives the same run, event for event; another seed another") {
  std::vector<uint64_t> traces;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome one = rough_day(seed), two = rough_day(seed);
    CHECK(one.trace == two.trace);
    CHECK(one.events == two.events);
    CHECK(one.bytes == two.bytes);
    traces.push_back(one.trace);
  }
  std::sort(traces.begin(), traces.end());
  CHECK(std::adjacent_find(traces.begin(), traces.end()) == traces.end());
}

TEST_CASE("Three hundred rough days break no invariant") {
  size_t bytes = 0, events = 0;
  for (uint64_t seed = 100; seed < 400; ++seed) {
    CAPTURE(seed);
    const Outcome outcome = rough_day(seed);
    bytes += outcome.bytes;
    events += outcome.events;
  }
  CHECK(bytes > 1'000'000);  // the days were not idle
  CHECK(events > 100'000);
}

TEST_CASE("The trace differs between runs that differ in one byte's worth of traffic") {
  const auto trace = [](const std::string& bytes) {
    net::SimRuntime loop(5);
    Peer server, client;
    const auto listener = loop.listen(kListener, [&](auto stream) { server.adopt(std::move(stream)); });
    const auto connecting = loop.connect(kListener, [&](auto result) {
      client.adopt(std::move(*result));
      client.stream->write(bytes);
    });
    while (loop.run_one()) {
    }
    return loop.trace_hash();
  };
  CHECK(trace("abc") == trace("abc"));
  CHECK(trace("abc") != trace("abcd"));
}

TEST_CASE("Identifiers and random numbers come from the seed") {
  net::SimRuntime one(1), same(1), other(2);
  CHECK(one.random_id() == same.random_id());
  CHECK(one.random().next() == same.random().next());
  CHECK(one.random_id() != other.random_id());
}

TEST_CASE("A program that takes more random numbers does not change the network") {
  const auto latencies = [](int asked) {
    net::SimRuntime loop(9);
    for (int i = 0; i < asked; ++i) loop.random().next();
    std::vector<Time> answered;
    const auto listener = loop.listen(kListener, [](auto) {});
    std::vector<std::unique_ptr<net::Operation>> connecting;
    for (int i = 0; i < 10; ++i) {
      connecting.push_back(loop.connect(kListener, [&](auto) { answered.push_back(loop.now()); }));
    }
    while (loop.run_one()) {
    }
    return answered;
  };
  CHECK(latencies(0) == latencies(100));
}

TEST_CASE("run_until leaves the clock at the given time, and runs what is due then and not later") {
  net::SimRuntime loop(1);
  const Time start = loop.now();
  int fired = 0;
  net::Timer at(loop, [&] { ++fired; });
  net::Timer after(loop, [&] { ++fired; });
  at.start_at(start + 1s);
  after.start_at(start + 1s + 1ns);
  loop.run_until(start + 1s);
  CHECK(fired == 1);
  CHECK(loop.now() == start + 1s);
  loop.run_until(start);  // the past: nothing
  CHECK(loop.now() == start + 1s);
  loop.run_for(1ns);
  CHECK(fired == 2);
  CHECK_FALSE(loop.run_one());
}

TEST_CASE("The wall clock goes with the virtual clock") {
  net::SimRuntime loop(1);
  const WallTime wall = loop.wall_now();
  loop.run_for(std::chrono::hours(10));
  CHECK(loop.wall_now() - wall == std::chrono::hours(10));
}
