// One worker's connections to one upstream: idle ones kept for reuse, new ones made up to the worker's share of
// max_connections; who finds none free waits in order. The endpoint is chosen once a request, when it is served.
//
//   acquire ──idle one──▶ leased ──~PooledConnection, reusable──▶ idle ──idle_timeout, closed by peer──▶ gone
//      │ room: connect ──▶ ─┘                └── not reusable ──▶ gone (the next waiter may connect)
//      └ full: waiting ─────┘
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/upstream/upstream.h"
#include "http/client/client_connection.h"
#include "net/runtime.h"

namespace tidegate::core {

class Pool;

// A connection on loan; destroying it gives it back (reusable) or closes it. The pool outlives it.
class PooledConnection {
 public:
  PooledConnection() = default;
  PooledConnection(PooledConnection&& other) noexcept;
  PooledConnection& operator=(PooledConnection&& other) noexcept;
  ~PooledConnection() { give_back(); }

  http::ClientConnection* operator->() const { return connection_.get(); }
  explicit operator bool() const { return connection_ != nullptr; }
  const config::Endpoint& endpoint() const;
  void give_back();

 private:
  friend class Pool;
  PooledConnection(Pool* pool, size_t endpoint, std::unique_ptr<http::ClientConnection> connection);

  Pool* pool_ = nullptr;
  size_t endpoint_ = 0;
  std::unique_ptr<http::ClientConnection> connection_;
};

class Pool {
 public:
  // `connections_max`: this worker's share, >= 1. Runtime and upstream outlive the pool.
  Pool(net::Runtime& runtime, Upstream& upstream, int connections_max);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  using Callback = std::function<void(Result<PooledConnection>)>;
  struct Acquired {
    PooledConnection connection;              // an idle one was at hand; or empty:
    std::unique_ptr<net::Operation> pending;  // `done` runs later
  };
  // A connection for one request, to the endpoint that `balance` chooses. Its time is bounded by connect_timeout from
  // when connecting begins; waiting for room is bounded by the caller. Errors: those of connect and resolve.
  [[nodiscard]] Acquired acquire(Callback done);
  // The same, but none that has been idle: such a one has just turned out to be dead.
  [[nodiscard]] std::unique_ptr<net::Operation> acquire_fresh(Callback done);

  // Closes idle connections.
  void close_idle();

  Upstream& upstream() { return upstream_; }
  int idle() const { return static_cast<int>(idle_.size()); }
  int in_use() const { return open_ - idle(); }

 private:
  friend class PooledConnection;
  class Request;
  struct Idle {
    size_t endpoint;
    Time since;
    std::unique_ptr<http::ClientConnection> connection;
  };

  PooledConnection take_idle(size_t endpoint);
  bool has_room() const { return open_ < connections_max_ || !idle_.empty(); }
  void make_room();
  void returned(size_t endpoint, std::unique_ptr<http::ClientConnection> connection);
  void serve_waiters();
  void drop_idle(http::ClientConnection* connection);
  void expire_idle();
  void count();

  net::Runtime& runtime_;
  Upstream& upstream_;
  int connections_max_;
  int open_ = 0;          // idle, leased and being connected
  int idle_counted_ = 0;  // as the metrics know them
  int busy_counted_ = 0;
  std::list<Idle> idle_;  // most recently used first
  std::list<Request*> waiting_;
  net::Timer idle_timer_;
};

}  // namespace tidegate::core
