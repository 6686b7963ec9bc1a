// Connecting and accepting: one contract, both runtimes.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

// A port on which nobody listens: one that was free a moment ago.
template <typename Loop>
SocketAddress silent_address(Loop& loop) {
  const auto listener = loop.runtime().listen(any_port(), [](auto) {});
  REQUIRE(listener.ok());
  return (*listener)->address();
}

}  // namespace

TEST_ON_BOTH_RUNTIMES("What one end writes the other reads, both ways") {
  Pair<Loop> pair;
  pair.client.stream->write("ping");
  REQUIRE(pair.until([&] { return pair.server.received == "ping"; }));
  pair.server.stream->write("pong");
  CHECK(pair.until([&] { return pair.client.received == "pong"; }));
}

TEST_ON_BOTH_RUNTIMES("Both ends name the same two addresses") {
  Pair<Loop> pair;
  CHECK(pair.client.stream->peer() == pair.listener->address());
  CHECK(pair.server.stream->local() == pair.listener->address());
  CHECK(pair.client.stream->local() == pair.server.stream->peer());
  CHECK(pair.client.stream->local().port != 0);
}

TEST_ON_BOTH_RUNTIMES("Port 0 gives each listener a port of its own") {
  Loop loop;
  const auto one = loop.runtime().listen(any_port(), [](auto) {});
  const auto two = loop.runtime().listen(any_port(), [](auto) {});
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  CHECK((*one)->address().port != 0);
  CHECK((*two)->address().port != 0);
  CHECK((*one)->address().port != (*two)->address().port);
}

TEST_ON_BOTH_RUNTIMES("A connect to where nobody listens is refused, later and not inside the call") {
  Loop loop;
  const SocketAddress nobody = silent_address(loop);
  std::optional<Error> error;
  const auto connecting = loop.runtime().connect(nobody, [&](auto result) {
    REQUIRE_FALSE(result.ok());
    error = result.error();
  });
  CHECK_FALSE(error);
  REQUIRE(loop.run_until([&] { return error.has_value(); }));
  CHECK(error->code == ErrorCode::refused);
  CHECK(error->message.find(nobody.to_string()) != std::string::npos);
}

TEST_ON_BOTH_RUNTIMES("A connect completes later, never inside the call") {
  Loop loop;
  const auto listener = loop.runtime().listen(any_port(), [](auto) {});
  REQUIRE(listener.ok());
  bool answered = false;
  const auto connecting = loop.runtime().connect((*listener)->address(), [&](auto) { answered = true; });
  CHECK_FALSE(answered);
  CHECK(loop.run_until([&] { return answered; }));
}

TEST_ON_BOTH_RUNTIMES("A cancelled connect is silent, and the server sees its end") {
  Loop loop;
  Peer server;
  const auto listener = loop.runtime().listen(any_port(), [&](auto stream) { server.adopt(std::move(stream)); });
  REQUIRE(listener.ok());
  int answers = 0;
  auto connecting = loop.runtime().connect((*listener)->address(), [&](auto) { ++answers; });
  connecting.reset();
  // The kernel may have shaken hands already; then the server must not wait for ever.
  settle(loop);
  if (server.stream) CHECK(loop.run_until([&] { return server.over(); }));
  CHECK(answers == 0);
}

TEST_ON_BOTH_RUNTIMES(
    "A connect cancelled when the server has already accepted is silent, and the server sees its end") {
  Loop loop;
  Peer server;
  int answers = 0;
  std::unique_ptr<net::Operation> connecting;
  bool early = false;
  const auto listener = loop.runtime().listen(any_port(), [&](auto stream) {
    early = answers == 0;
    connecting.reset();
    server.adopt(std::move(stream));
  });
  REQUIRE(listener.ok());
  connecting = loop.runtime().connect((*listener)->address(), [&](auto) { ++answers; });
  REQUIRE(loop.run_until([&] { return server.over(); }));
  CHECK(answers == (early ? 0 : 1));
}

TEST_ON_BOTH_RUNTIMES("A refused connect that was cancelled is silent") {
  Loop loop;
  const SocketAddress nobody = silent_address(loop);
  int answers = 0;
  loop.runtime().connect(nobody, [&](auto) { ++answers; }).reset();
  settle(loop);
  CHECK(answers == 0);
}

TEST_ON_BOTH_RUNTIMES("A connect's owner may destroy it inside its callback") {
  Loop loop;
  Peer client;
  const auto listener = loop.runtime().listen(any_port(), [](auto) {});
  REQUIRE(listener.ok());
  std::unique_ptr<net::Operation> connecting;
  const auto token = std::make_shared<std::string>("still here");
  std::string seen;
  connecting = loop.runtime().connect((*listener)->address(), [&, token](auto result) {
    connecting.reset();
    seen = *token;  // what the callback holds outlives the owner, while it runs
    if (result.ok()) client.adopt(std::move(*result));
  });
  REQUIRE(loop.run_until([&] { return client.stream != nullptr; }));
  CHECK(seen == "still here");
}

TEST_ON_BOTH_RUNTIMES("A stream dropped in the accept callback is a connection that ends") {
  Loop loop;
  Peer client;
  const auto listener = loop.runtime().listen(any_port(), [](auto stream) { stream.reset(); });
  REQUIRE(listener.ok());
  const auto connecting = loop.runtime().connect((*listener)->address(), [&](auto result) {
    REQUIRE(result.ok());
    client.adopt(std::move(*result));
  });
  CHECK(loop.run_until([&] { return client.ended; }));
}

TEST_ON_BOTH_RUNTIMES("A stream dropped in the connect callback is a connection that ends") {
  Loop loop;
  Peer server;
  const auto listener = loop.runtime().listen(any_port(), [&](auto stream) { server.adopt(std::move(stream)); });
  REQUIRE(listener.ok());
  const auto connecting = loop.runtime().connect((*listener)->address(), [](auto) {});
  CHECK(loop.run_until([&] { return server.ended; }));
}

TEST_ON_BOTH_RUNTIMES("Accepted streams outlive their listener, and new connects are refused") {
  Pair<Loop> pair;
  const SocketAddress address = pair.listener->address();
  pair.listener.reset();
  pair.client.stream->write("still there?");
  REQUIRE(pair.until([&] { return pair.server.received == "still there?"; }));
  pair.server.stream->write("yes");
  CHECK(pair.until([&] { return pair.client.received == "yes"; }));

  std::optional<ErrorCode> code;
  const auto late = pair.loop.runtime().connect(address, [&](auto result) {
    REQUIRE_FALSE(result.ok());
    code = result.error().code;
  });
  REQUIRE(pair.until([&] { return code.has_value(); }));
  CHECK(*code == ErrorCode::refused);
}

TEST_ON_BOTH_RUNTIMES("A listener may be destroyed inside its accept callback") {
  Loop loop;
  Peer server;
  std::unique_ptr<net::Listener> listener;
  const auto token = std::make_shared<std::string>("still here");
  std::string seen;
  auto made = loop.runtime().listen(any_port(), [&, token](auto stream) {
    listener.reset();
    seen = *token;
    server.adopt(std::move(stream));
  });
  REQUIRE(made.ok());
  listener = std::move(*made);
  // Several are waiting when the first is accepted: the others must not reach a listener that is gone.
  Peer clients[3];
  std::unique_ptr<net::Operation> connecting[3];
  for (int i = 0; i < 3; ++i) {
    connecting[i] = loop.runtime().connect(listener->address(), [&, i](auto result) {
      if (result.ok()) clients[i].adopt(std::move(*result));
    });
  }
  REQUIRE(loop.run_until([&] { return server.stream != nullptr; }));
  settle(loop);
  CHECK(seen == "still here");
  CHECK(token.use_count() == 1);
}

TEST_ON_BOTH_RUNTIMES("A hundred connections at once each get their own bytes") {
  Loop loop;
  std::vector<std::unique_ptr<Peer>> servers, clients;
  std::vector<std::unique_ptr<net::Operation>> connecting;
  const auto listener = loop.runtime().listen(any_port(), [&](auto stream) {
    Peer* peer = servers.emplace_back(std::make_unique<Peer>()).get();
    peer->adopt(std::move(stream));
    peer->in_read = [peer] { peer->stream->write(std::exchange(peer->received, {})); };
  });
  REQUIRE(listener.ok());
  for (int i = 0; i < 100; ++i) {
    Peer* peer = clients.emplace_back(std::make_unique<Peer>()).get();
    connecting.push_back(loop.runtime().connect((*listener)->address(), [peer, i](auto result) {
      REQUIRE(result.ok());
      peer->adopt(std::move(*result));
      peer->stream->write("client " + std::to_string(i));
    }));
  }
  const auto all_echoed = [&] {
    for (int i = 0; i < 100; ++i) {
      if (clients[static_cast<size_t>(i)]->received != "client " + std::to_string(i)) return false;
    }
    return true;
  };
  CHECK(loop.run_until(all_echoed));
}
