// The Runtime of the simulator: virtual time, an in-memory network, faults drawn from a seed. The same seed and the
// same program give the same run, event for event (trace_hash() proves it).
//
// One SimRuntime holds a whole world: clients, Tidegate and upstreams all live in it, on addresses of its network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "net/runtime.h"

namespace tidegate::net {

// How the network treats connections to one listening address.
struct SimLink {
  Duration latency_min = 50us;  // each segment, each way, uniform
  Duration latency_max = 500us;
  double refuse = 0;          // probability that a connect is refused
  double blackhole = 0;       // … or never completed
  double reset = 0;           // probability, a segment, that the connection is reset instead of delivering it
  double fragment = 0;        // probability that a segment is split at random places into several
  bool down = false;          // every connect is refused, even where somebody listens
  size_t window = 64 * 1024;  // bytes in flight a direction; more waits in the writer (write_pending)
  // Every connect fails so at once: the client's side has used up what it needs for one.
  std::optional<ErrorCode> used_up = {};
};

// What name servers say of a name.
struct SimName {
  std::vector<IpAddress> addresses;
  std::optional<ErrorCode> failure = {};  // in place of the addresses
  Duration delay{};                       // besides the default link's latency
};

class SimRuntime final : public Runtime {
 public:
  explicit SimRuntime(uint64_t seed);
  ~SimRuntime() override;

  // Settings of the link to a listening address, from now on. The default link serves addresses without their own.
  void set_link(const SocketAddress& address, const SimLink& link);
  void set_default_link(const SimLink& link);
  // Resets every open connection to `address` (a crash of what listens there).
  void reset_connections(const SocketAddress& address);
  // Names for resolve(), from now on: a look-up gets what is true when it ends.
  void set_name(std::string name, SimName answer);
  void add_name(std::string name, std::vector<IpAddress> addresses) {
    set_name(std::move(name), {std::move(addresses), {}, {}});
  }
  size_t lookups() const;  // begun so far, of names that are no literal addresses
  // Temporary files: the append that crosses this many bytes in all fails as a full disk does.
  void set_disk_limit(uint64_t bytes);
  // What temporary files are asked to do from now on takes so much longer.
  void set_disk_delay(Duration delay);

  // Runs the earliest event. False when nothing is scheduled.
  bool run_one();
  // Runs events up to and at `until`; the clock is then `until`.
  void run_until(Time until);
  void run_for(Duration duration) { run_until(now() + duration); }
  // What was disposed of goes now, not at the end of the iteration: for one that ends a program inside an event.
  void delete_disposed();

  // FNV-1a over every event that ran (kind, time, connection, bytes): equal for equal runs.
  uint64_t trace_hash() const;
  // Leak checks.
  size_t open_streams() const;
  size_t open_operations() const;  // connects and resolves not ended
  size_t active_timers() const;

  Time now() const override;
  WallTime wall_now() const override;
  std::unique_ptr<Operation> connect(const SocketAddress& to, ConnectCallback done) override;
  Result<std::unique_ptr<Listener>> listen(const SocketAddress& at, AcceptCallback accept,
                                           AcceptFailure failed = {}) override;
  std::unique_ptr<Operation> resolve(std::string_view host, ResolveCallback done) override;
  std::unique_ptr<TempFile> make_temp_file() override;
  void post(std::function<void()> task) override;
  void dispose(std::unique_ptr<Disposable> object) override;
  IdBytes random_id() override;
  Random& random() override;

  struct World;  // the network and the event queue; sim_world.h

 private:
  std::unique_ptr<World> world_;
};

}  // namespace tidegate::net
