// A simulated tunnel: a client that asks for WebSocket, and on both ends a peer that sends bytes which tell their
// place, reads now and then, and ends or resets, as its seed says. What each has sent and seen is kept, for the
// invariants.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "net/sim/sim_runtime.h"
#include "net/timer.h"

namespace tidegate::sim {

// What one end of a tunnel has come to.
struct TunnelLog {
  uint64_t sent = 0;
  uint64_t received = 0;
  bool in_order = true;  // what it received is a beginning of what the other end sends
  bool ended = false;    // it has ended its side, after all that it sent
  bool got_end = false;
  bool broke = false;  // it reset the connection itself, or never ended its side
  bool hung = false;   // it said nothing more, and nobody ended that
  bool over = false;
};

enum class TunnelSide : uint8_t { client, upstream };

//   playing ──both sides have ended──▶ over (finished)
//      └── it resets, or is reset ───▶ over (reset)
class TunnelPeer final : private net::StreamUser {
 public:
  // `over` is called once, with whether the connection must be reset; it may destroy the stream. All outlive the peer,
  // the stream until then or detach().
  TunnelPeer(net::SimRuntime& runtime, TunnelSide side, uint64_t seed, TunnelLog& log,
             std::function<void(bool reset)> over);

  // `received`: what came with the headers.
  void begin(net::Stream& stream, std::string_view received);
  // Bytes of its own, for who sends them before begin().
  std::string next_bytes(size_t count);
  // The stream goes.
  void detach();

 private:
  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_stream_error(const Error&) override { end(false); }
  void on_write_drained() override { end_if_finished(); }

  void act();
  void finish_sending();
  void end_if_finished();
  void end(bool reset);

  const TunnelSide side_;
  Random random_;
  TunnelLog& log_;
  const std::function<void(bool)> over_;
  uint64_t left_;        // to send
  bool silent_ = false;  // it says nothing more
  net::Stream* stream_ = nullptr;
  net::Timer timer_;
};

class SimTunnelClient final : private net::StreamUser {
 public:
  SimTunnelClient(net::SimRuntime& runtime, const SocketAddress& to, std::string id, Time starts, uint64_t seed);

  const std::string& id() const { return id_; }
  const TunnelLog& log() const { return log_; }
  bool opened() const { return opened_; }  // it got a 101

 private:
  void start();
  void on_read(std::string_view bytes) override;
  void on_read_end() override { leave(); }
  void on_stream_error(const Error&) override { leave(); }
  void on_write_drained() override {}
  void leave();

  net::SimRuntime& runtime_;
  const SocketAddress to_;
  const std::string id_;
  Random random_;
  TunnelLog log_;
  TunnelPeer peer_;
  net::Timer timer_;
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<net::Stream> stream_;
  std::string head_;
  bool opened_ = false;
};

}  // namespace tidegate::sim
