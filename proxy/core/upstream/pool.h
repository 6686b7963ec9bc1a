// One worker's connections to one upstream: idle ones kept for reuse, new ones made while the process has room for them
// (connection_limit.h); who finds none waits in order, for a time. The endpoint is chosen once a request, when it is
// served.
//
//   acquire ──idle one──▶ leased ──~PooledConnection, reusable──▶ idle ──idle_timeout, closed by peer, wanted──▶ gone
//      │ room: connect ──▶ ─┘                └── not reusable ──▶ gone (its room goes to who waits)
//      └ none: waiting ─────┘
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/log/throttle.h"
#include "core/upstream/connection_limit.h"
#include "core/upstream/pooled_connection.h"
#include "core/upstream/upstream.h"
#include "net/runtime.h"

namespace tidegate::core {

// Who wants a connection.
class PoolUser {
 public:
  // There is room, and connecting to that endpoint begins: so far the time was Tidegate's own, from now on it is the
  // upstream's. Not called where an open connection is given. Inside acquire() where there is room at once; must not
  // end the request.
  virtual void on_connecting(size_t endpoint) = 0;
  // The last call, later; it may end the request. Errors: exhausted where Tidegate's own limits, descriptors or ports
  // leave no connection (the upstream was not called), else those of connect and resolve.
  virtual void on_connection(Result<PooledConnection> connection) = 0;

 protected:
  ~PoolUser() = default;
};

class Pool final : private ConnectionLimit::Member {
 public:
  // Runtime and upstream outlive the pool.
  Pool(net::Runtime& runtime, Upstream& upstream);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  struct Acquired {
    PooledConnection connection;              // an idle one was at hand; or empty:
    std::unique_ptr<net::Operation> pending;  // the user is called
  };
  // A connection for one request, to the endpoint that Upstream::choose finds for it; never a kept one to an address
  // that the endpoint's name has no more. It waits for room until `until`, and no longer than pending_timeout;
  // connecting is bounded by Endpoint::connect_time_max. The user outlives the pending operation.
  [[nodiscard]] Acquired acquire(PoolUser& user, Time until, const ChoiceFor& request = {});
  // The same, but none that has been idle: such a one has just turned out to be dead.
  [[nodiscard]] std::unique_ptr<net::Operation> acquire_fresh(PoolUser& user, Time until,
                                                              const ChoiceFor& request = {});

  // Closes idle connections.
  void close_idle();
  // Only requests that began before a reload still use it: it keeps no connection idle, until it serves again.
  void retire();
  void serve() { retired_ = false; }

  Upstream& upstream() { return upstream_; }
  int idle() const { return static_cast<int>(idle_.size()); }
  int in_use() const { return open_ - idle(); }

 private:
  friend class PooledConnection;
  class Request;
  // Counted at its endpoint while it lives.
  struct Idle {
    Idle(Upstream& of, size_t to, uint64_t version, Time now, std::unique_ptr<http::ClientConnection> kept)
        : upstream(of), endpoint(to), addresses_version(version), since(now), connection(std::move(kept)) {
      upstream.endpoint(endpoint).idle_changed(1);
    }
    ~Idle() { upstream.endpoint(endpoint).idle_changed(-1); }
    Idle(const Idle&) = delete;
    Idle& operator=(const Idle&) = delete;

    Upstream& upstream;
    const size_t endpoint;
    uint64_t addresses_version;
    const Time since;
    std::unique_ptr<http::ClientConnection> connection;
  };

  void on_room_granted() override;
  void on_recheck_idle() override;
  void take_granted_room();
  void one_waits_less();
  void recheck_idle();
  void drop_passed_over();
  void close_wanted();

  std::unique_ptr<net::Operation> connect(PoolUser& user, CountedRequest to);
  CountedRequest choose(const ChoiceFor& request) { return upstream_.choose(runtime_.now(), request); }
  PooledConnection take_idle(CountedRequest& for_request);
  bool take_room();
  void returned(size_t endpoint, uint64_t addresses_version, std::unique_ptr<http::ClientConnection> connection);
  void keep(size_t endpoint, uint64_t addresses_version, std::unique_ptr<http::ClientConnection> connection);
  bool leads_to_endpoint(size_t endpoint, uint64_t& addresses_version, const http::ClientConnection& connection) const;
  void drop_idle(http::ClientConnection* connection);
  void drop_oldest_idle();
  void expire_idle();
  void leave_room();
  void refused(net::ConnectionRefusal why);
  void count();

  net::Runtime& runtime_;
  Upstream& upstream_;
  ConnectionLimit& limit_;
  int open_ = 0;          // idle, leased and being connected
  int idle_counted_ = 0;  // as the metrics know them
  int busy_counted_ = 0;
  std::list<Idle> idle_;         // most recently used first
  std::list<Request*> waiting_;  // for room, that which has been granted and is on its way included
  bool retired_ = false;
  int unclaimed_ = 0;  // rooms on their way whose calls have given up
  net::Timer idle_timer_;
  LogThrottles<net::ConnectionRefusal, net::kConnectionRefusals> refusals_;
  std::shared_ptr<Pool*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::core
