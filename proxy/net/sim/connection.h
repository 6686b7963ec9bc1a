// Connections of the simulated network. Each direction is a pipe:
//
//   write() ─▶ unsent ──(window)──▶ travelling: segments with latency, in order ──▶ inbox ─▶ on_read()
//                  ▲                                                                  │
//                  └──────────────── window event when the reader has taken bytes ◀───┘
//
// FIN and RST travel in order behind the bytes. As with the kernel: closing with unread bytes sends RST, bytes that
// reach a closed end are answered by RST, and an end that neither reads nor writes does not learn of a reset.
//
// Private to stream.cc. The events of the world hold a connection, and its two Streams do.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/sim/sim_world.h"
#include "net/stream.h"

namespace tidegate::net {

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  SimConnection(SimRuntime::World& w, const SocketAddress& client, const SocketAddress& server)
      : world(w), id(w.next_connection++), addresses{client, server} {
    world.connections.emplace(id, this);
  }
  ~SimConnection() { world.connections.erase(id); }

  struct Pipe {
    std::string unsent;
    size_t dropped = 0;     // given to write() too late
    size_t under_way = 0;   // sent and not arrived, or lost
    size_t travelling = 0;  // sent and not yet read
    std::string inbox;      // arrived and not yet read
    Time last_arrival{};
    bool fin_wanted = false;
    bool fin_sent = false;
    bool fin_arrived = false;
    bool drain_owed = false;
  };

  struct End {
    bool attached = false;  // a Stream belongs to it
    bool gone = false;      // its owner has closed it
    bool reading = false;
    bool end_told = false;
    bool reset_arrived = false;
    bool write_failure_told = false;
    bool error_told = false;
    StreamUser* user = nullptr;
  };

  void write(int side, std::span<const std::string_view> pieces);
  void end_writing(int side);
  void start_reading(int side);
  void close(int side, bool with_reset);
  void reset_arrives(int side);
  size_t unsent(int side) const { return pipes_[side].unsent.size(); }
  size_t unacknowledged(int side) const { return unsent(side) + pipes_[side].dropped + pipes_[side].under_way; }
  Stream::Unread unread(int side) const;

  SimRuntime::World& world;
  const uint64_t id;
  const std::array<SocketAddress, 2> addresses;
  std::array<End, 2> ends;

 private:
  // The link is named by the listening side.
  const SimLink& link() const { return world.link(addresses[1]); }
  Time arrival(Pipe& pipe);
  void send_on(int side);
  void send_segment(int side, std::string bytes);
  void send_reset(int side);
  void segment_arrives(int from, std::string bytes);
  void fin_arrives(int from);
  void write_fails(int side);
  void window_opens(int side);
  void deliver(int side);
  void later(SimEvent kind, Time at, std::function<void(SimConnection&)> run);

  std::array<Pipe, 2> pipes_;  // by the writing side
};

}  // namespace tidegate::net
