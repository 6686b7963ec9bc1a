// Two connections as one: what a client and an upstream send each other after a 101, in whatever protocol. Nothing is
// parsed and nothing is kept: bytes go on as they come, and while one side does not take them, the other is not read.
//
//   open ──one side ends──▶ half_closed ──the other ends──▶ flushing ──all has been taken──▶ over
//     └── a reset, silence, cut() ──┴────────────────────────────┴───────────────────────────▶ over
//
// The end of a side (FIN; over TLS, close_notify) goes on behind its bytes, and the other side may go on. A reset goes
// on as a reset. Where a side has closed its connection for good, what it sent before still goes on, and what the other
// sends it is dropped. So the other is reset: once it has acknowledged all, and has ended too or had a second for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/time.h"
#include "net/runtime.h"
#include "net/stream.h"
#include "net/timer.h"
#include "policy/outcome.h"

namespace tidegate::core {

// Why it is over.
enum class TunnelEnd : uint8_t {
  client_closed,  // first; then the other side
  upstream_closed,
  client_left,  // closed, before it had taken all that the upstream sent
  upstream_left,
  client_reset,
  upstream_reset,
  idle,                // no byte for Limits::idle
  half_closed_silent,  // one side had ended; no byte of the other, or to it, for Limits::half_closed
};
const char* to_string(TunnelEnd end);
policy::Outcome outcome_of(TunnelEnd end);
// Whether both connections are reset: something may be missing on either side.
bool resets(TunnelEnd end);

class TunnelUser {
 public:
  // The last call, never inside a call of the tunnel. The upstream's connection is closed; the client's must be closed
  // before this returns, by a reset where resets(end).
  virtual void on_tunnel_over(TunnelEnd end) = 0;

 protected:
  ~TunnelUser() = default;
};

class Tunnel {
 public:
  static constexpr size_t kUnsentMax = 64 * 1024;  // of a direction; more stops reading

  struct Limits {
    Duration idle;         // silence of both sides, which take nothing either
    Duration half_closed;  // the same after the end of one
  };
  // What goes first. `head`: the 101 for the client; `from_…`: what came behind the headers of each side.
  struct Opening {
    std::string_view head;
    std::string_view from_upstream;
    std::string_view from_client;
  };

  // `client` lives until on_tunnel_over() or cut(); runtime and user outlive the tunnel.
  Tunnel(net::Runtime& runtime, net::Stream& client, std::unique_ptr<net::Stream> upstream, const Limits& limits,
         TunnelUser& user);
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  void start(const Opening& opening);
  // Ends it at once, by a reset of the upstream's connection; the caller resets the client's. No call follows.
  void cut();

  // Bytes relayed so far.
  uint64_t to_client() const { return upstream_side_.relayed; }
  uint64_t to_upstream() const { return client_side_.relayed; }

 private:
  enum class State : uint8_t { open, half_closed, flushing, over };

  struct Side final : net::StreamUser {
    Side(Tunnel& of, net::Stream& its) : tunnel(of), stream(its) {}
    void on_read(std::string_view bytes) override { tunnel.relay(*this, bytes); }
    void on_read_end() override { tunnel.on_end_of(*this); }
    bool on_write_failed() override { return tunnel.on_write_failure_of(*this); }
    void on_stream_error(const Error&) override { tunnel.on_error_of(*this); }
    void on_write_drained() override { tunnel.on_drained(*this); }

    size_t pending() const { return takes_nothing ? 0 : stream.write_pending(); }

    Tunnel& tunnel;
    net::Stream& stream;
    uint64_t relayed = 0;        // of what it has sent
    size_t unacknowledged = 0;   // of what it is sent, at the last look
    bool ended = false;          // it sends nothing more
    bool takes_nothing = false;  // it has closed: some of what it was sent is lost, and all that comes
  };

  Side& other(const Side& side) { return &side == &client_side_ ? upstream_side_ : client_side_; }
  void relay(Side& from, std::string_view bytes);
  void on_end_of(Side& side);
  bool on_write_failure_of(Side& side);
  void on_error_of(Side& side);
  void on_drained(Side& side);

  void balance(Side& from);
  bool has_all(Side& side);
  void end_if_flushed();
  bool has_left(const Side& side) const { return side.ended && side.takes_nothing; }
  bool is_lingering();
  Duration limit();
  Duration look_interval();
  bool takes_some(Side& side);
  void note_activity() { active_at_ = runtime_.now(); }
  void arm_timer();
  void on_timer();
  TunnelEnd close() const;
  void leave(bool by_reset);
  void end(TunnelEnd how);

  net::Runtime& runtime_;
  std::unique_ptr<net::Stream> upstream_;
  const Limits limits_;
  TunnelUser& user_;
  Side client_side_;
  Side upstream_side_;
  State state_ = State::open;
  TunnelEnd closed_by_ = TunnelEnd::client_closed;  // once a side has ended: which one was first
  Time active_at_{};
  net::Timer timer_;
};

}  // namespace tidegate::core
