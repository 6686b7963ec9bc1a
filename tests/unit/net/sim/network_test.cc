// The faults of the simulated network, and its leak checks.
#include <algorithm>

#include "base/random.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

const SocketAddress kServer = *SocketAddress::parse("10.0.0.1:80");

// A server that echoes, and clients that come one after another.
struct Network {
  explicit Network(uint64_t seed = 7) : loop(seed) { up(); }
  void up() {
    auto made = loop.listen(kServer, [this](auto stream) {
      Peer* peer = servers.emplace_back(std::make_unique<Peer>()).get();
      peer->adopt(std::move(stream));
      peer->in_read = [peer] { peer->stream->write(std::exchange(peer->received, {})); };
    });
    REQUIRE(made.ok());
    listener = std::move(*made);
  }
  Peer& connect() {
    Peer& peer = *clients.emplace_back(std::make_unique<Peer>());
    connecting.push_back(loop.connect(kServer, [&peer, this](auto result) {
      ++answered;
      if (result.ok()) {
        peer.adopt(std::move(*result));
        peer.stream->write(peer.received);
        peer.received.clear();
      } else {
        peer.error = result.error();
        ++refused;
      }
    }));
    return peer;
  }
  void drain() {
    while (loop.run_one()) {
    }
  }

  net::SimRuntime loop;
  std::unique_ptr<net::Listener> listener;
  std::vector<std::unique_ptr<Peer>> servers, clients;
  std::vector<std::unique_ptr<net::Operation>> connecting;
  int answered = 0, refused = 0;
};

std::string noise(size_t bytes, uint64_t seed) {
  Random random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next() >> 56);
  return text;
}

}  // namespace

TEST_CASE("A link refuses as often as it was configured to") {
  for (const double p : {0.0, 0.3, 1.0}) {
    CAPTURE(p);
    Network network;
    network.loop.set_link(kServer, {.refuse = p});
    for (int i = 0; i < 1000; ++i) network.connect();
    network.drain();
    CHECK(network.answered == 1000);
    CHECK(network.refused >= 1000 * p - 60);
    CHECK(network.refused <= 1000 * p + (p == 0 ? 0 : 60));
  }
}

TEST_CASE("A black hole never replies, and destroying the connect leaves nothing behind") {
  Network network;
  network.loop.set_link(kServer, {.blackhole = 1});
  for (int i = 0; i < 10; ++i) network.connect();
  network.loop.run_for(std::chrono::hours(24));
  CHECK(network.answered == 0);
  CHECK(network.servers.empty());
  CHECK(network.loop.open_operations() == 10);
  network.connecting.clear();
  CHECK(network.loop.open_operations() == 0);
}

TEST_CASE("A link that is down refuses although somebody listens, and serves again when up") {
  Network network;
  network.loop.set_link(kServer, {.down = true});
  network.connect();
  network.drain();
  CHECK(network.refused == 1);
  CHECK(network.servers.empty());
  network.loop.set_link(kServer, {});
  network.connect();
  network.drain();
  CHECK(network.refused == 1);
  CHECK(network.servers.size() == 1);
}

TEST_CASE("A link that goes down while the connect travels refuses it") {
  Network network;
  network.loop.set_link(kServer, {.latency_min = 10ms, .latency_max = 10ms});
  network.connect();
  network.loop.run_for(5ms);
  network.loop.set_link(kServer, {.latency_min = 10ms, .latency_max = 10ms, .down = true});
  network.drain();
  CHECK(network.refused == 1);
  CHECK(network.servers.empty());
}

TEST_CASE("A link's latency is as configured, each way") {
  Network network;
  network.loop.set_link(kServer, {.latency_min = 5ms, .latency_max = 5ms});
  const Time start = network.loop.now();
  Peer& client = network.connect();
  while (!client.stream) REQUIRE(network.loop.run_one());
  CHECK(network.loop.now() == start + 10ms);
  client.stream->write("x");
  while (client.received.empty()) REQUIRE(network.loop.run_one());
  CHECK(network.loop.now() == start + 20ms);
}

TEST_CASE("The default link serves addresses without their own") {
  Network network;
  network.loop.set_default_link({.refuse = 1});
  network.connect();
  network.drain();
  CHECK(network.refused == 1);
  network.loop.set_link(kServer, {});
  network.connect();
  network.drain();
  CHECK(network.refused == 1);
  CHECK(network.answered == 2);
}

TEST_CASE("A link that resets breaks the connection at both ends, once each") {
  Network network;
  network.loop.set_link(kServer, {.reset = 1});
  Peer& client = network.connect();
  client.received = "never arrives";
  network.drain();
  REQUIRE(client.error);
  CHECK(client.error->code == ErrorCode::reset);
  REQUIRE(network.servers.size() == 1);
  CHECK(network.servers[0]->error);
  CHECK(network.servers[0]->reads == 0);
  CHECK(client.errors + network.servers[0]->errors == 2);
}

TEST_CASE("Fragments arrive in order and whole, in more pieces than were sent") {
  Network network;
  network.loop.set_link(kServer, {.latency_min = 0ns, .latency_max = 50ms, .fragment = 1});
  const std::string bytes = noise(500'000, 3);
  Peer& client = network.connect();
  client.received = bytes;
  network.drain();
  CHECK(client.received == bytes);
  CHECK(network.servers[0]->reads > 500'000 / (16 * 1024) + 1);
}

TEST_CASE("A tiny window still moves every byte, in order") {
  for (const size_t window : {size_t{1}, size_t{7}, size_t{4096}, size_t{1} << 30}) {
    CAPTURE(window);
    Network network;
    network.loop.set_link(kServer, {.fragment = 0.5, .window = window});
    const std::string bytes = noise(window < 100 ? 3000 : 300'000, 4);
    Peer& client = network.connect();
    client.received = bytes;
    network.drain();
    CHECK(client.received == bytes);
    CHECK(client.drains == (window > 300'000 ? 0 : 1));
  }
}

TEST_CASE("No more than the window is ever under way to a reader that does not read") {
  Network network;
  network.loop.set_link(kServer, {.window = 10'000});
  Peer& client = network.connect();
  while (!client.stream) REQUIRE(network.loop.run_one());
  network.servers[0]->stream->stop_reading();
  client.stream->write(std::string(50'000, 'x'));
  network.drain();
  CHECK(client.stream->write_pending() == 40'000);
}

TEST_CASE("reset_connections breaks what is open to that address, and nothing else") {
  Network network;
  const SocketAddress elsewhere = *SocketAddress::parse("10.0.0.2:80");
  Peer other_server, other_client;
  const auto other = network.loop.listen(elsewhere, [&](auto stream) { other_server.adopt(std::move(stream)); });
  const auto connecting = network.loop.connect(elsewhere, [&](auto result) { other_client.adopt(std::move(*result)); });
  for (int i = 0; i < 5; ++i) network.connect();
  network.drain();
  network.loop.reset_connections(kServer);
  for (const auto& client : network.clients) CHECK_FALSE(client->error);  // soon, not inside the call
  network.drain();
  for (const auto& client : network.clients) CHECK(client->error);
  for (const auto& server : network.servers) CHECK(server->error);
  CHECK_FALSE(other_client.over());
  CHECK_FALSE(other_server.over());
}

TEST_CASE("A connection reset before its connect has completed breaks when it is read") {
  Network network;
  network.loop.set_link(kServer, {.latency_min = 10ms, .latency_max = 10ms});
  Peer& client = network.connect();
  network.loop.run_for(15ms);
  REQUIRE(network.servers.size() == 1);
  network.loop.reset_connections(kServer);
  network.drain();
  CHECK(client.error);
  CHECK(network.servers[0]->error);
}

TEST_CASE("A server that writes before the client knows of the connection is read from the first byte") {
  net::SimRuntime loop(3);
  loop.set_default_link({.latency_min = 0ns, .latency_max = 10ms});
  Peer server, client;
  const auto listener = loop.listen(kServer, [&](auto stream) {
    server.adopt(std::move(stream));
    server.stream->write("hello");
    server.stream->end_writing();
  });
  const auto connecting = loop.connect(kServer, [&](auto result) { client.adopt(std::move(*result)); });
  while (loop.run_one()) {
  }
  CHECK(client.received == "hello");
  CHECK(client.ended);
}

TEST_CASE("A server crashed and up again on the same address serves new connections") {
  Network network;
  network.connect();
  network.drain();
  network.listener.reset();
  network.loop.reset_connections(kServer);
  network.servers.clear();
  network.connect();
  network.drain();
  CHECK(network.refused == 1);
  network.up();
  Peer& client = network.connect();
  client.received = "again";
  network.drain();
  CHECK(client.received == "again");
}

TEST_CASE("Everything counted open returns to 0 when its owners are destroyed") {
  Network network;
  net::Timer timer(network.loop, [] {});
  timer.start_after(1h);
  network.connect();
  network.connect();
  const auto resolving = network.loop.resolve("10.1.1.1", [](auto) {});
  CHECK(network.loop.open_operations() == 3);
  CHECK(network.loop.active_timers() == 1);
  network.loop.run_for(1s);
  CHECK(network.loop.open_operations() == 0);
  CHECK(network.loop.open_streams() == 4);
  network.clients.clear();
  network.servers.clear();
  timer.stop();
  CHECK(network.loop.open_streams() == 0);
  CHECK(network.loop.active_timers() == 0);
}

TEST_CASE("A cancelled connect is not counted, at whatever moment it is cancelled") {
  for (int turns = 0; turns < 4; ++turns) {
    CAPTURE(turns);
    Network network;
    network.connect();
    for (int i = 0; i < turns; ++i) network.loop.run_one();
    network.connecting.clear();
    network.drain();
    CHECK(network.loop.open_operations() == 0);
    for (const auto& server : network.servers) {
      if (network.clients[0]->stream) continue;
      CHECK(server->over());
    }
    network.servers.clear();
    network.clients.clear();
    CHECK(network.loop.open_streams() == 0);
  }
}
