// THE SEAM. Everything Tidegate needs from the outside world while it serves requests: the time, timers, connections,
// listeners, names, temporary files and random numbers. Two implementations: UvRuntime (uv_runtime.h, the
// kernel by libuv) and SimRuntime (sim_runtime.h, virtual time and an in-memory network with faults from a seed).
// Only net/ includes uv.h, reads a clock, sleeps or asks the system for random bytes.
//
// One Runtime is one event loop on one thread; all of it belongs to that thread, except post().
//
// Handles: every operation returns an owner. Destroying the owner cancels the operation and guarantees silence: none of
// its callbacks runs afterwards. An owner may be destroyed inside its own callback. A Runtime must outlive every owner
// it has given out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/ip.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "net/stream.h"
#include "net/temp_file.h"
#include "net/timer.h"

namespace tidegate::net {

// Something under way; destroying it cancels it.
class Operation {
 public:
  virtual ~Operation() = default;
};

// Accepts connections until it is destroyed (which closes the listening socket; accepted streams live on).
class Listener {
 public:
  virtual ~Listener() = default;
  virtual SocketAddress address() const = 0;  // with the real port, where port 0 was requested
  // Accepts at once what waits in the kernel, which closing would reset; not what another process accepts from too.
  virtual void accept_backlog() = 0;
  // From now on no handshake begins: a client that connects gets no response, and is refused once the listener is
  // closed. Those under way end, and are accepted, so that none is reset by closing a little later. False: the system
  // cannot do it, or another process accepts from the socket too, and handshakes go on.
  [[nodiscard]] virtual bool stop_handshakes() = 0;
};

// What is destroyed at the end of the iteration, so that nothing is deleted under its own callback.
class Disposable {
 public:
  virtual ~Disposable() = default;
};

using ConnectCallback = std::function<void(Result<std::unique_ptr<Stream>>)>;
using AcceptCallback = std::function<void(std::unique_ptr<Stream>)>;
using AcceptFailure = std::function<void(const Error&)>;
using ResolveCallback = std::function<void(Result<std::vector<IpAddress>>)>;

class Runtime {
 public:
  Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  virtual ~Runtime() = default;

  // The time of this event-loop iteration: constant while callbacks run, never goes back.
  virtual Time now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Timers register here (net/timer.h); owners use Timer.
  TimerQueue& timer_queue() { return timer_queue_; }

  // Connects by TCP (TCP_NODELAY set). The callback runs later, never inside this call. Errors: refused (refused,
  // unreachable, no route), timeout (the kernel's), exhausted (descriptors), conflict (no local port is free), io.
  [[nodiscard]] virtual std::unique_ptr<Operation> connect(const SocketAddress& to, ConnectCallback done) = 0;

  // Listens by TCP with SO_REUSEPORT, so that each worker has its own socket. Port 0: any free port. Errors: conflict
  // (address in use), invalid, io. A connection for which no descriptor is left is closed, and `failed` called
  // (exhausted); accepting goes on.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(const SocketAddress& at, AcceptCallback accept,
                                                                 AcceptFailure failed = {}) = 0;

  // The addresses of a name, IPv4 first; a literal address resolves to itself. The callback runs later. Errors:
  // not_found, unavailable, exhausted (descriptors).
  [[nodiscard]] virtual std::unique_ptr<Operation> resolve(std::string_view host, ResolveCallback done) = 0;

  // An unlinked temporary file (TMPDIR, else /tmp): deleted with its owner, whatever happens to the process.
  [[nodiscard]] virtual std::unique_ptr<TempFile> make_temp_file() = 0;

  // Runs `task` on this loop, soon. The one function that any thread may call; tasks posted after the loop has
  // ended are destroyed unrun.
  virtual void post(std::function<void()> task) = 0;

  // Destroys `object` at the end of this iteration.
  virtual void dispose(std::unique_ptr<Disposable> object) = 0;

  // 128 unguessable bits (from the seed in simulation).
  virtual IdBytes random_id() = 0;

  // For jitter and balancing; this loop's own generator.
  virtual Random& random() = 0;

 protected:
  TimerQueue timer_queue_;
};

}  // namespace tidegate::net
