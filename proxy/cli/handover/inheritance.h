// What a process has from others when it starts: listening sockets of its service manager, or the sockets and the
// queues of the process that it takes over from.
//
//   take_sockets ──▶ await_queues ──▶ open (each kind of store) ──▶ await_commit ──▶ listen ──▶ serve
//
// In this order; an error of any of them ends the start, and fail() tells the other process. Without another process
// nothing waits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/handover/socket_activation.h"
#include "cli/handover/takeover.h"
#include "config/config.h"
#include "core/gateway.h"
#include "net/uv/listening_sockets.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

// Threads that serve, by the configuration.
size_t worker_count(const config::Config& config);

// Where a process listens: its admin interface, which may be where an earlier configuration had it, and its listeners.
std::vector<SocketAddress> addresses_of(const config::Config& config, const SocketAddress& admin);

class Inheritance {
 public:
  using Stores = Result<core::Policies::QueueStores>;

  // `config`, `sockets`: outlive this. `takes_over`: from the process that serves, if there is one.
  Inheritance(const config::Config& config, net::ListeningSockets& sockets, std::vector<ActivatedSocket> activated,
              bool takes_over)
      : config_(config), sockets_(sockets), activated_(std::move(activated)), takes_over_(takes_over) {}

  // Errors: a socket that no listener has; a takeover that is refused; an address where another process listens.
  Status take_sockets();
  // What can fail without the queues must have been done: they are closed in the other process from then on.
  Status await_queues();
  // What a process that was killed had is free a moment later: so `open_stores` may be called again. Error, besides its
  // own: unavailable: one of them takes no jobs, and the other process has it back.
  Stores open(const std::function<Stores()>& open_stores) const;
  Status await_commit();
  void fail(const std::string& reason);
  // Does what requests in flight in the other process want of the queues.
  void serve(net::UvRuntime& runtime, core::Gateway& gateway);
  // Before the queues end.
  void end() { takeover_.reset(); }
  // From another process, which serves no more.
  bool took_over() const { return takeover_ != nullptr; }
  // That process, while it still drains: what it wants of the queues is done here. 0: there is none.
  int predecessor() const { return takeover_ && !takeover_->alone() ? takeover_->other() : 0; }

 private:
  std::vector<SocketAddress> addresses() const { return addresses_of(config_, config_.admin.address); }
  Status take_over_sockets();
  Status check_takeover_place() const;
  Status check_takeover_socket() const;
  Status check_ports() const;
  Error port_taken(const Error& error) const;
  void inherit(net::InheritedSocket socket);

  const config::Config& config_;
  net::ListeningSockets& sockets_;
  std::vector<ActivatedSocket> activated_;
  const bool takes_over_;
  std::unique_ptr<Takeover> takeover_;  // null: there was no other process
};

}  // namespace tidegate::cli
