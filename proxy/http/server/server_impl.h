// What the connections of one Server share. Internal to the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log/throttle.h"
#include "http/server/server.h"
#include "http/server/tls_accept.h"
#include "net/timer.h"

namespace tidegate::http {

class ResponseWriter;
class ServerConnection;

class Server::Impl {
 public:
  Impl(net::Runtime& loop, const ServerLimits& server_limits, Service& user, std::shared_ptr<ConnectionCount> shared,
       std::shared_ptr<net::TlsContext> tls);
  ~Impl();

  Status listen(const SocketAddress& address);
  void begin_serving();
  void set_limits(const ServerLimits& next);
  void drain(std::function<void()> done, Duration idle_max);
  void close_listener();

  // Removes a closed connection and destroys it at the end of the event-loop iteration.
  void remove(ServerConnection* connection);

  // Output that waits for more: response headers for the first piece of the body, so that both leave in one write. What
  // is still held in the next event-loop iteration is flushed then. `hold` lends a buffer, `release` takes it back: so
  // idle connections own none, and none is allocated for a request.
  std::string hold(ResponseWriter* response);
  void release(ResponseWriter* response, std::string buffer);

  // "Date: Tue, 24 Nov 2026 01:59:43 GMT\r\n", rendered once a second.
  std::string_view date_field();

  net::Runtime& runtime;
  ServerLimits limits;  // as configured; draining lowers idle_timeout
  Service& service;
  bool announces_close = false;
  bool serving = true;
  std::unique_ptr<net::Listener> listener;
  SocketAddress bound;  // outlives the listener: a server that drains still has an address
  std::vector<std::unique_ptr<ServerConnection>> connections;
  std::unique_ptr<TlsAccept> tls_accept;  // null: plain HTTP

 private:
  void accept(std::unique_ptr<net::Stream> stream);
  void on_handshake(const SocketAddress& client, Result<std::unique_ptr<net::Stream>> secured);
  void log_handshake(const SocketAddress& client, const std::string& reason);
  void serve(std::unique_ptr<net::Stream> stream);
  void refused(net::ConnectionRefusal why);
  bool make_room();
  void flush_held();
  void finish_drain();

  const std::shared_ptr<ConnectionCount> count_;
  LogThrottles<net::ConnectionRefusal, net::kConnectionRefusals> refusals_;
  LogThrottle failed_handshakes_;
  std::vector<std::unique_ptr<net::Stream>> waiting_;  // before serve(); at most limits.connections
  std::vector<ResponseWriter*> held_;
  std::vector<std::string> spare_;
  net::Timer flush_timer_;
  net::Timer handshakes_timer_;
  net::Timer drained_timer_;  // `done` runs later, never inside drain() or a connection's end
  std::function<void()> on_drained_;
  int64_t date_second_ = -1;
  std::string date_field_;
};

}  // namespace tidegate::http
