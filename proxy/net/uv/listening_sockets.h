// The listening sockets of a process that other processes have a part in: those that it was given at its start (by its
// service manager, or by the Tidegate before it), and those of its own listeners, which the Tidegate after it may get.
//
//   inherit() ──▶ take() by each loop ──┐
//                                       ├──▶ ListeningSocket, one or more a listener ──share()──▶ shared
//   a listener binds its address ───────┘            ▲──────────────────end_sharing()─────────────┘
//
// What waits in a socket that another process listens on too is not lost when this process closes its descriptor, and
// must not be disturbed by it. Thread-safe; outlives the runtimes that use it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "net/uv/descriptors.h"

namespace tidegate::net {

class ListeningSockets;

// Where a process has a socket from.
enum class SocketOrigin : uint8_t { own, inherited /* from the service manager */, taken_over };
const char* to_string(SocketOrigin origin);

struct InheritedSocket {
  SocketAddress address;  // of its listener, as configured: the socket may be bound to another
  Descriptor socket;
  bool managed = false;  // the service manager keeps it open, whatever becomes of this process
  SocketOrigin origin = SocketOrigin::own;
};

// One that a listener accepts from.
class ListeningSocket {
 public:
  // `sockets`: where it is known; null: nowhere.
  // `crowded`: other loops of this process accept from it too.
  ListeningSocket(InheritedSocket of, ListeningSockets* sockets, bool crowded = false);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  bool crowded() const { return crowded_; }
  int descriptor() const { return of_.socket.number(); }
  // Another process has the socket too, and serves what waits in it.
  bool shared() const { return of_.managed || shared_.load(std::memory_order_relaxed); }
  // Its listener is about to close it: no other process gets it any more.
  void retire() { retired_.store(true, std::memory_order_relaxed); }

 private:
  friend class ListeningSockets;

  const InheritedSocket of_;
  std::atomic<bool> shared_{false};
  std::atomic<bool> retired_{false};
  ListeningSockets* const sockets_;
  const bool crowded_;
};

class ListeningSockets {
 public:
  // At the start, before anything listens. `loops`: how many will listen on its address. Each socket of an address is
  // polled by one loop, if there are enough of them; else loops poll the same ones.
  void inherit(InheritedSocket socket, size_t loops);
  bool has_inherited(const SocketAddress& address) const;
  // Where a listener accepts, without repetition: each worker may have a socket of its own for an address.
  struct Place {
    SocketAddress bound;
    SocketOrigin origin;
  };
  // Of the listener that is configured with that address.
  std::vector<Place> places(const SocketAddress& address) const;
  // All listen: what they have taken is theirs. A managed socket is there to be taken again (by a reload).
  void end_start();
  // Of the managed sockets. REQUIRES end_start(). Connections to one that nobody listens with wait in the kernel.
  std::vector<SocketAddress> managed_addresses() const;

  // The sockets of the next loop that listens there; empty: it binds the address itself. Error: exhausted.
  Result<std::vector<std::unique_ptr<ListeningSocket>>> take(const SocketAddress& address);

  // For the next process: another descriptor of each socket that listens at one of the addresses; they are shared from
  // now on. Besides the managed ones that have no listener here now. Error: exhausted (no descriptor left); nothing is
  // shared then.
  Result<std::vector<InheritedSocket>> share(const std::vector<SocketAddress>& addresses);
  // The other process does not listen after all, or does not listen on that address.
  void end_sharing();
  void end_sharing(const SocketAddress& address);

 private:
  friend class ListeningSocket;
  struct Inherited {
    InheritedSocket of;
    size_t loops;
  };

  mutable std::mutex mutex_;
  std::vector<Inherited> inherited_;
  std::vector<SocketAddress> taken_;  // one entry for each loop
  std::set<ListeningSocket*> open_;
};

// Binds an address and listens there, so that others may share it (SO_REUSEPORT). Errors: conflict, invalid, io.
Result<Descriptor> open_listening_socket(const SocketAddress& at);

// Makes a socket that was opened by another process one of ours: not blocking, closed on exec. Returns the address that
// it is bound to. Errors: invalid (it is no socket that listens on TCP).
Result<SocketAddress> adopt_listening_socket(const Descriptor& socket);

}  // namespace tidegate::net
