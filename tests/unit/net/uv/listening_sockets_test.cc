// Listening sockets that this process was given, or gives to another.
#include "net/uv/listening_sockets.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;

namespace {

const SocketAddress kAddress = *SocketAddress::parse("127.0.0.1:8080");

void inherit_some(ListeningSockets& sockets, int count, size_t loops, bool managed = false) {
  for (int i = 0; i < count; ++i) {
    sockets.inherit({kAddress, Descriptor(::socket(AF_INET, SOCK_STREAM, 0)), managed}, loops);
  }
}

// How many sockets each of the loops gets.
std::vector<size_t> taken_by(ListeningSockets& sockets, size_t loops) {
  std::vector<size_t> counts;
  for (size_t i = 0; i < loops; ++i) counts.push_back(sockets.take(kAddress).value().size());
  return counts;
}

}  // namespace

TEST_CASE("each inherited socket is polled by a loop, and each loop polls one") {
  struct Row {
    int sockets;
    size_t loops;
    std::vector<size_t> each;
  };
  for (const Row& row :
       {Row{1, 1, {1}}, Row{1, 3, {1, 1, 1}}, Row{2, 2, {1, 1}}, Row{5, 2, {3, 2}}, Row{2, 3, {1, 1, 1}}}) {
    ListeningSockets sockets;
    inherit_some(sockets, row.sockets, row.loops);
    CHECK(taken_by(sockets, row.loops) == row.each);
  }
}

TEST_CASE("after the start only a socket that the service manager keeps can be taken") {
  ListeningSockets sockets;
  inherit_some(sockets, 1, 1);
  CHECK(sockets.has_inherited(kAddress));
  sockets.end_start();
  CHECK(!sockets.has_inherited(kAddress));
  CHECK(taken_by(sockets, 1) == std::vector<size_t>{0});
  inherit_some(sockets, 1, 1, true);
  sockets.end_start();
  CHECK(sockets.managed_addresses() == std::vector<SocketAddress>{kAddress});
  CHECK(taken_by(sockets, 2) == std::vector<size_t>{1, 1});
}

TEST_CASE("a socket that the service manager keeps is given to the next process, with a listener or without") {
  ListeningSockets sockets;
  inherit_some(sockets, 2, 2, true);
  sockets.end_start();
  const auto given = sockets.share({}).value();
  REQUIRE(given.size() == 2);
  CHECK(given.front().managed);
  auto listening = sockets.take(kAddress).value();
  CHECK(sockets.share({kAddress}).value().size() == 1);
  listening.front()->retire();
  CHECK(sockets.share({kAddress}).value().size() == 2);
}

TEST_CASE("a listener's places are where its sockets are bound, each once, with where they come from") {
  ListeningSockets sockets;
  UvRuntime runtime(1);
  runtime.use_sockets(sockets);
  Descriptor given = open_listening_socket(any_port()).value();
  const SocketAddress bound = adopt_listening_socket(given).value();
  sockets.inherit({kAddress, std::move(given), true, SocketOrigin::inherited}, 2);
  CHECK(sockets.places(kAddress).empty());  // nobody listens
  const auto one = runtime.listen(kAddress, [](auto) {}), two = runtime.listen(kAddress, [](auto) {});
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  const auto places = sockets.places(kAddress);
  REQUIRE(places.size() == 1);
  CHECK(places[0].bound == bound);
  CHECK(std::string(to_string(places[0].origin)) == "inherited");

  const auto own = runtime.listen(any_port(), [](auto) {});
  REQUIRE(own.ok());
  REQUIRE(sockets.places(any_port()).size() == 1);
  CHECK(sockets.places(any_port())[0].bound == (*own)->address());
  CHECK(std::string(to_string(sockets.places(any_port())[0].origin)) == "own");
}

TEST_CASE("a socket that is no TCP listener is refused") {
  const Descriptor unbound(::socket(AF_INET, SOCK_STREAM, 0));
  CHECK(adopt_listening_socket(unbound).error().code == ErrorCode::invalid);
  CHECK(adopt_listening_socket(Descriptor()).error().code == ErrorCode::invalid);
}

TEST_CASE("what waits in a shared socket is the other process's") {
  ListeningSockets sockets;
  UvRuntime runtime(1);
  runtime.use_sockets(sockets);
  int accepted = 0;
  auto listener = runtime.listen(any_port(), [&](auto) { ++accepted; });
  REQUIRE(listener.ok());
  const SocketAddress bound = (*listener)->address();
  std::vector<InheritedSocket> given = sockets.share({any_port()}).value();
  REQUIRE(given.size() == 1);
  CHECK(*adopt_listening_socket(given.front().socket) == bound);
  CHECK(!(*listener)->stop_handshakes());

  UvRuntime client_loop(2);
  std::unique_ptr<Stream> client;
  const auto connecting = client_loop.connect(bound, [&](auto stream) { client = std::move(*stream); });
  while (!client) client_loop.run_once();
  (*listener)->accept_backlog();
  CHECK(accepted == 0);
  (*listener).reset();

  // The other process, which is this one here.
  given.front().address = bound;
  sockets.inherit(std::move(given.front()), 1);
  listener = runtime.listen(bound, [&](auto) { ++accepted; });
  REQUIRE(listener.ok());
  while (accepted == 0) runtime.run_once();
  CHECK(accepted == 1);

  sockets.end_sharing();
  CHECK((*listener)->stop_handshakes());
  CHECK(sockets.share({bound}).value().empty());  // it drops handshakes: nobody should get it
  client.reset();
  listener->reset();
  runtime.run_once();
  client_loop.run_once();
}
