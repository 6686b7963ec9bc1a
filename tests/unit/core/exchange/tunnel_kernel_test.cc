// What a tunnel does with bytes that its streams have sent and the peers have not acknowledged: they are in the kernel,
// and no callback tells of them. The kernel is the test.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "core/exchange/tunnel.h"
#include "net/sim/sim_runtime.h"

using namespace tidegate;
using namespace tidegate::core;

namespace {

// One connection of the tunnel, as its kernel sees it. Outlives the stream.
struct Wire {
  net::StreamUser* user = nullptr;
  size_t unacknowledged = 0;
  bool ended = false;  // it was sent FIN
  bool reset = false;
  bool closed = false;
};

class WiredStream final : public net::Stream {
 public:
  explicit WiredStream(Wire& wire) : wire_(wire) {}
  ~WiredStream() override { wire_.closed = true; }
  void set_user(net::StreamUser* user) override { wire_.user = user; }
  void start_reading() override {}
  void stop_reading() override {}
  void write(std::span<const std::string_view> pieces) override {
    for (const std::string_view piece : pieces) wire_.unacknowledged += piece.size();
  }
  size_t write_pending() const override { return 0; }
  size_t unacknowledged() const override { return wire_.unacknowledged; }
  Unread unread() const override { return Unread::nothing; }
  void end_writing() override { wire_.ended = true; }
  void reset_on_close() override { wire_.reset = true; }
  SocketAddress peer() const override { return {}; }
  SocketAddress local() const override { return {}; }

 private:
  Wire& wire_;
};

class WiredTunnel final : private TunnelUser {
 public:
  explicit WiredTunnel(Tunnel::Limits limits)
      : client_(std::make_unique<WiredStream>(client)),
        tunnel_(runtime_, *client_, std::make_unique<WiredStream>(upstream), limits, static_cast<TunnelUser&>(*this)) {
    tunnel_.start({});
  }

  void run_for(Duration time) { runtime_.run_for(time); }
  static void send(const Wire& from, size_t bytes) { from.user->on_read(std::string(bytes, 'x')); }
  static void end(const Wire& side) { side.user->on_read_end(); }
  // A side that has ended does not take what it is sent.
  void fail(Wire& side) {
    side.user->on_stream_error({ErrorCode::reset, "closed"});
    side.unacknowledged = 0;
  }

  Wire client, upstream;
  std::optional<TunnelEnd> over;

 private:
  void on_tunnel_over(TunnelEnd how) override {
    over = how;
    if (resets(how)) client_->reset_on_close();
    client_.reset();
  }

  net::SimRuntime runtime_{7};
  std::unique_ptr<net::Stream> client_;
  Tunnel tunnel_;
};

}  // namespace

TEST_CASE("a side that acknowledges what the kernel holds for it is not silent; one that stops is") {
  for (const bool half_closed : {false, true}) {
    CAPTURE(half_closed);
    WiredTunnel tunnel(half_closed ? Tunnel::Limits{1h, 10s} : Tunnel::Limits{10s, 1h});
    WiredTunnel::send(tunnel.upstream, 1'000'000);
    if (half_closed) WiredTunnel::end(tunnel.upstream);
    for (int i = 0; i < 20; ++i) {
      tunnel.run_for(6s);
      REQUIRE_FALSE(tunnel.over);
      tunnel.client.unacknowledged -= 1000;
    }
    tunnel.run_for(9s);
    CHECK_FALSE(tunnel.over);
    tunnel.run_for(4s);
    REQUIRE(tunnel.over);
    CHECK(*tunnel.over == (half_closed ? TunnelEnd::half_closed_silent : TunnelEnd::idle));
    CHECK(tunnel.client.reset);
    CHECK(tunnel.upstream.reset);
  }
}

TEST_CASE("what one side sent before it closed for good is all acknowledged before the other is reset") {
  WiredTunnel tunnel({1h, 1min});
  WiredTunnel::send(tunnel.upstream, 1'000'000);
  WiredTunnel::end(tunnel.upstream);
  WiredTunnel::send(tunnel.client, 4);
  tunnel.fail(tunnel.upstream);
  while (tunnel.client.unacknowledged > 0) {
    tunnel.run_for(5s);
    REQUIRE_FALSE(tunnel.over);
    WiredTunnel::send(tunnel.client, 4);
    tunnel.client.unacknowledged -= 100'000;
  }
  tunnel.run_for(1s);
  CHECK_FALSE(tunnel.over);
  tunnel.run_for(300ms);
  REQUIRE(tunnel.over);
  CHECK(*tunnel.over == TunnelEnd::upstream_left);
  CHECK(tunnel.client.reset);
}

TEST_CASE("where one side has closed for good, and the other does not take what it sent, that is a silence") {
  WiredTunnel tunnel({1h, 1min});
  WiredTunnel::send(tunnel.upstream, 1'000'000);
  WiredTunnel::end(tunnel.upstream);
  tunnel.fail(tunnel.upstream);
  for (int i = 0; i < 12; ++i) {
    tunnel.run_for(4900ms);
    REQUIRE_FALSE(tunnel.over);
    WiredTunnel::send(tunnel.client, 4);
  }
  tunnel.run_for(2s);
  REQUIRE(tunnel.over);
  CHECK(*tunnel.over == TunnelEnd::half_closed_silent);
}

TEST_CASE("what a side has not taken is lost, so the other is reset, also where it has ended: once it has all") {
  for (const bool client_leaves : {false, true}) {
    CAPTURE(client_leaves);
    WiredTunnel tunnel({1h, 1min});
    Wire& leaves = client_leaves ? tunnel.client : tunnel.upstream;
    Wire& stays = client_leaves ? tunnel.upstream : tunnel.client;
    WiredTunnel::send(leaves, 1000);
    WiredTunnel::end(leaves);
    CHECK(stays.ended);
    WiredTunnel::send(stays, 4);
    tunnel.fail(leaves);
    WiredTunnel::send(stays, 4);
    WiredTunnel::end(stays);
    tunnel.run_for(10s);
    REQUIRE_FALSE(tunnel.over);
    stays.unacknowledged = 0;
    tunnel.run_for(300ms);
    REQUIRE(tunnel.over);
    CHECK(*tunnel.over == (client_leaves ? TunnelEnd::client_left : TunnelEnd::upstream_left));
    CHECK(stays.closed);
    CHECK(stays.reset);
  }
}
