// Two connections as one: order, ends, resets, backpressure, silence.
#include "core/exchange/tunnel.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

#include "unit/http/raw_client.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::core;
using tidegate::test::RawClient;

namespace {

constexpr std::string_view kSwitchHead = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

// A tunnel between two peers, each on the far end of a connection.
template <typename Loop>
class TunnelFixture final : private TunnelUser {
 public:
  explicit TunnelFixture(Tunnel::Limits limits = {1h, 1min}, Tunnel::Opening opening = {kSwitchHead, {}, {}})
      : client(loop.runtime(), listen(client_listener_, client_stream_)),
        upstream(loop.runtime(), listen(upstream_listener_, upstream_stream_)) {
    REQUIRE(until([&] { return client_stream_ && upstream_stream_ && client.connected() && upstream.connected(); }));
    tunnel.emplace(loop.runtime(), *client_stream_, std::move(upstream_stream_), limits,
                   static_cast<TunnelUser&>(*this));
    tunnel->start(opening);
    if (opening.head.empty()) return;
    REQUIRE(until([&] { return client.has(opening.head); }));
    client.received.erase(0, opening.head.size());
    client.received_bytes -= opening.head.size();
  }

  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }
  // Until no more goes on to a side that does not read, and more waits for it than the tunnel keeps.
  bool until_held_back(const std::function<uint64_t()>& relayed) {
    uint64_t before = 0;
    return until([&] {
      const uint64_t now = relayed();
      return now > Tunnel::kUnsentMax && std::exchange(before, now) == now;
    });
  }
  void cut() {
    tunnel->cut();
    client_stream_->reset_on_close();
    client_stream_.reset();
  }

  Loop loop;

 private:
  SocketAddress listen(std::unique_ptr<net::Listener>& listener, std::unique_ptr<net::Stream>& accepted) {
    auto listening = loop.runtime().listen(
        test::any_port(), [&accepted](std::unique_ptr<net::Stream> stream) { accepted = std::move(stream); });
    REQUIRE(listening.ok());
    listener = std::move(*listening);
    return listener->address();
  }

  void on_tunnel_over(TunnelEnd how) override {
    CHECK_FALSE(over);
    over = how;
    if (resets(how)) client_stream_->reset_on_close();
    client_stream_.reset();
  }

  std::unique_ptr<net::Listener> client_listener_, upstream_listener_;
  std::unique_ptr<net::Stream> client_stream_, upstream_stream_;

 public:
  RawClient client, upstream;
  std::optional<TunnelEnd> over;
  std::optional<Tunnel> tunnel;
};

using OnSim = TunnelFixture<test::SimLoop>;

}  // namespace

TEST_ON_BOTH_RUNTIMES("what came with either head goes first, behind the 101, then bytes go both ways") {
  TunnelFixture<Loop> fixture({1h, 1min}, {kSwitchHead, "early down,", "early up,"});
  fixture.client.send("up");
  fixture.upstream.send("down");
  REQUIRE(fixture.until([&] { return fixture.upstream.has("early up,up"); }));
  REQUIRE(fixture.until([&] { return fixture.client.has("early down,down"); }));
  CHECK(fixture.client.received == "early down,down");
  CHECK(fixture.upstream.received == "early up,up");
  CHECK(fixture.tunnel->to_client() == 15);
  CHECK(fixture.tunnel->to_upstream() == 11);
}

TEST_ON_BOTH_RUNTIMES("the end of one side goes on behind its bytes, and the other side still sends") {
  for (const bool client_first : {true, false}) {
    CAPTURE(client_first);
    TunnelFixture<Loop> fixture;
    RawClient& first = client_first ? fixture.client : fixture.upstream;
    RawClient& second = client_first ? fixture.upstream : fixture.client;
    first.send("last words");
    first.end();
    REQUIRE(fixture.until([&] { return second.ended; }));
    CHECK(second.received == "last words");
    second.send("and mine");
    REQUIRE(fixture.until([&] { return first.has("and mine"); }));
    CHECK_FALSE(fixture.over);
    CHECK_FALSE(first.over());
    second.end();
    REQUIRE(fixture.until([&] { return first.ended; }));
    REQUIRE(fixture.until([&] { return fixture.over.has_value(); }));
    CHECK(*fixture.over == (client_first ? TunnelEnd::client_closed : TunnelEnd::upstream_closed));
    CHECK_FALSE(first.broken);
    CHECK_FALSE(second.broken);
  }
}

TEST_ON_BOTH_RUNTIMES("a reset goes on as a reset") {
  for (const bool by_client : {true, false}) {
    CAPTURE(by_client);
    TunnelFixture<Loop> fixture;
    RawClient& one = by_client ? fixture.client : fixture.upstream;
    RawClient& other = by_client ? fixture.upstream : fixture.client;
    one.reset();
    REQUIRE(fixture.until([&] { return other.over(); }));
    CHECK(other.broken);
    REQUIRE(fixture.over);
    CHECK(*fixture.over == (by_client ? TunnelEnd::client_reset : TunnelEnd::upstream_reset));
  }
}

TEST_ON_BOTH_RUNTIMES("a reset that a write finds first is one, too: what was read before it never looks whole") {
  TunnelFixture<Loop> fixture;
  fixture.client.stop();
  fixture.client.keep = false;
  fixture.upstream.send(std::string(Loop::kBeyondBuffers, 'x'));
  REQUIRE(fixture.until_held_back([&] { return fixture.tunnel->to_client(); }));
  fixture.upstream.reset();
  fixture.client.send("x");
  REQUIRE(fixture.until([&] { return fixture.tunnel->to_upstream() == 1; }));
  fixture.client.resume();
  REQUIRE(fixture.until([&] { return fixture.over.has_value(); }));
  CHECK(*fixture.over == TunnelEnd::upstream_reset);
  REQUIRE(fixture.until([&] { return fixture.client.over(); }));
  CHECK(fixture.client.broken);
}

TEST_ON_BOTH_RUNTIMES("a side that does not read holds back the other, and nothing is lost or reordered") {
  for (const bool up : {true, false}) {
    CAPTURE(up);
    TunnelFixture<Loop> fixture;
    RawClient& sender = up ? fixture.client : fixture.upstream;
    RawClient& reader = up ? fixture.upstream : fixture.client;
    reader.stop();
    std::string sent;
    while (sent.size() < Loop::kBeyondBuffers) sent += std::to_string(sent.size()) + ",";
    sender.send(sent);
    sender.end();
    const auto relayed = [&] { return up ? fixture.tunnel->to_upstream() : fixture.tunnel->to_client(); };
    REQUIRE(fixture.until_held_back(relayed));
    CHECK(relayed() < sent.size());
    reader.resume();
    REQUIRE(fixture.until([&] { return reader.ended; }));
    CHECK(reader.received == sent);
  }
}

TEST_CASE("what waits in a tunnel for a side that does not read is bounded") {
  OnSim fixture;
  fixture.client.stop();
  fixture.upstream.send(std::string(4'000'000, 'x'));
  fixture.loop.impl.run_for(10s);
  constexpr size_t kInNetwork = 3 * 64 * 1024;  // the windows of both connections, and one read
  CHECK(fixture.tunnel->to_client() <= Tunnel::kUnsentMax + kInNetwork);
  fixture.client.resume();
  fixture.loop.impl.run_for(10s);
  CHECK(fixture.client.received_bytes == 4'000'000);
}

TEST_CASE("a tunnel without a byte in either direction ends after its idle time, by a reset of both sides") {
  OnSim fixture({10s, 5s});
  fixture.loop.impl.run_for(9s);
  fixture.client.send("x");
  fixture.loop.impl.run_for(9s);
  fixture.upstream.send("y");
  fixture.loop.impl.run_for(9500ms);
  CHECK_FALSE(fixture.over);
  fixture.loop.impl.run_for(600ms);
  REQUIRE(fixture.over);
  CHECK(*fixture.over == TunnelEnd::idle);
  CHECK(fixture.client.broken);
  CHECK(fixture.upstream.broken);
}

TEST_CASE("after the end of one side the other has the shorter time, from its last byte") {
  OnSim fixture({1h, 5s});
  fixture.client.end();
  for (int i = 0; i < 3; ++i) {
    fixture.loop.impl.run_for(4s);
    CHECK_FALSE(fixture.over);
    fixture.upstream.send("x");
  }
  fixture.loop.impl.run_for(5100ms);
  REQUIRE(fixture.over);
  CHECK(*fixture.over == TunnelEnd::half_closed_silent);
  CHECK(fixture.client.received == "xxx");
  CHECK(fixture.client.broken);
}

TEST_CASE("a side that takes what waits for it, however slowly, is not silent; one that takes nothing is") {
  OnSim fixture({10s, 5s});
  fixture.client.stop();
  fixture.upstream.send(std::string(300'000, 'x'));
  for (int i = 0; i < 3; ++i) {
    fixture.loop.impl.run_for(6s);
    REQUIRE_FALSE(fixture.over);
    fixture.client.resume();  // for a moment
    fixture.loop.impl.run_for(300us);
    fixture.client.stop();
  }
  fixture.loop.impl.run_for(14s);
  REQUIRE(fixture.over);
  CHECK(*fixture.over == TunnelEnd::idle);
}

TEST_CASE("both sides have ended, but one does not take what it was sent: it has the shorter time") {
  OnSim fixture({1h, 5s});
  fixture.client.stop();
  fixture.upstream.send(std::string(200'000, 'x'));
  fixture.upstream.end();
  fixture.client.end();
  fixture.loop.impl.run_for(4s);
  CHECK_FALSE(fixture.over);
  fixture.loop.impl.run_for(4s);
  REQUIRE(fixture.over);
  CHECK(*fixture.over == TunnelEnd::half_closed_silent);
}

TEST_ON_BOTH_RUNTIMES(
    "what a side sent before it closed for good goes on, and the other side may end in its own time") {
  TunnelFixture<Loop> fixture;
  fixture.upstream.send("goodbye");
  fixture.upstream.leave();
  REQUIRE(fixture.until([&] { return fixture.client.ended; }));
  CHECK(fixture.client.received == "goodbye");
  fixture.client.send("lost");
  REQUIRE(fixture.until([&] { return fixture.tunnel->to_upstream() == 4; }));
  CHECK_FALSE(fixture.client.broken);
  fixture.client.end();
  REQUIRE(fixture.until([&] { return fixture.over.has_value(); }));
  CHECK(*fixture.over == TunnelEnd::upstream_closed);
}

TEST_CASE("where one side has closed for good, the other is reset a second later, whatever it still sends") {
  OnSim fixture;
  fixture.upstream.leave();
  fixture.loop.impl.run_for(100ms);
  for (int i = 0; i < 20 && !fixture.over; ++i) {
    fixture.client.send("more");
    fixture.loop.impl.run_for(100ms);
  }
  REQUIRE(fixture.over);
  CHECK(*fixture.over == TunnelEnd::upstream_left);
  fixture.client.send("more");  // who reads no more learns of a reset by a write
  fixture.loop.impl.run_for(100ms);
  CHECK(fixture.client.broken);
}

TEST_ON_BOTH_RUNTIMES("a tunnel that is cut resets both sides, and calls nobody") {
  TunnelFixture<Loop> fixture;
  fixture.client.send("x");
  REQUIRE(fixture.until([&] { return fixture.upstream.has("x"); }));
  fixture.cut();
  REQUIRE(fixture.until([&] { return fixture.upstream.over() && fixture.client.over(); }));
  CHECK(fixture.upstream.broken);
  CHECK(fixture.client.broken);
  CHECK_FALSE(fixture.over);
}
