// The inside of SimRuntime: the event queue, the clock and the network's book-keeping. Included by net/ only.
//
//   schedule(at, …) ──▶ events_ (heap by time, then order of scheduling) ─┐
//                                                                         ├─▶ run_one(): the earliest, then disposals
//   Timer ────────────▶ timer_queue() ────────────────────────────────────┘
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/sim/sim_runtime.h"

namespace tidegate::net {

class SimConnection;
class SimListener;

// What an event is; part of the trace.
enum class SimEvent : uint8_t {
  posted,
  timers,
  accept,
  connected,
  refused,
  segment,
  fin,
  reset,
  window,
  pump,
  resolved,
  disk
};

struct SimRuntime::World {
  World(SimRuntime& owner, uint64_t seed);
  ~World();

  void schedule(Time at, SimEvent kind, uint64_t subject, std::function<void()> run);
  void note(SimEvent kind, uint64_t subject, uint64_t amount);  // into the trace
  bool run_one();
  bool next_is_due(Time until) const;
  void empty_graveyard();

  const SimLink& link(const SocketAddress& address) const;
  Duration latency(const SimLink& link);
  Result<std::vector<IpAddress>> look_up(const std::string& host) const;

  struct Event {
    Time at;
    uint64_t sequence;
    SimEvent kind;
    uint64_t subject;
    std::function<void()> run;
  };

  SimRuntime& runtime;
  Random network;                             // latencies and faults
  Random program;                             // what Runtime::random() and random_id() give
  Time now = Time{} + std::chrono::hours(1);  // the origin has no meaning: not zero, so that nobody relies on it
  std::vector<Event> events;
  uint64_t next_sequence = 0;
  uint64_t hash = 0xcbf29ce484222325;
  std::vector<std::unique_ptr<Disposable>> disposed;

  SimLink default_link;
  std::vector<std::pair<SocketAddress, SimLink>> links;
  std::vector<SimListener*> listeners;
  std::map<uint64_t, SimConnection*> connections;
  std::map<std::string, SimName, std::less<>> names;
  size_t lookups = 0;
  uint64_t next_connection = 1;
  uint16_t next_port = 20000;
  size_t open_streams = 0;
  size_t open_operations = 0;
  uint64_t disk_limit = ~uint64_t{0};
  uint64_t disk_used = 0;
  Duration disk_delay{};
};

// One end of a new connection, for the code that made it (side 0 connected, side 1 accepted).
std::unique_ptr<Stream> make_sim_stream(const std::shared_ptr<SimConnection>& connection, int side);
std::shared_ptr<SimConnection> make_sim_connection(SimRuntime::World& world, const SocketAddress& client,
                                                   const SocketAddress& server);
// The side's owner never came (a cancelled connect): its peer sees a reset.
void abandon_sim_side(const std::shared_ptr<SimConnection>& connection, int side);
// Both ends learn, a little later, that the connection is lost.
void reset_sim_connection(SimConnection& connection);
const SocketAddress& sim_server_address(const SimConnection& connection);

}  // namespace tidegate::net
