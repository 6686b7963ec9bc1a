// One listener on one worker: the server, and the decision what a request is: a question about a job, a route's
// exchange, or nothing known.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/worker.h"
#include "http/server/server.h"
#include "net/timer.h"

namespace tidegate::core {

class ListenerService final : public http::Service {
 public:
  // `listener`: of the worker's table, or of one that is prepared. The worker outlives the service.
  ListenerService(Worker& worker, const ListenerRoutes& listener);

  Status listen() { return server_.listen(configured_address_); }
  // Before the table that has it is in force: connections wait.
  Status listen_without_serving() { return server_.listen_without_serving(configured_address_); }
  SocketAddress address() const { return server_.address(); }
  // Serves by this listener, of the same name: it is of the worker's table, which is in force from now on.
  void use(const ListenerRoutes& listener);
  // The listener is not configured any more: what its connections still ask goes by that table, in which it was.
  void keep_table(std::shared_ptr<const RouteTable> table) { own_table_ = std::move(table); }
  // Serves on for lame_duck, and announces the close of its connections; then calls `over`, unless it drains before.
  void begin_lame_duck(std::function<void()> over);
  void drain(std::function<void()> done, Duration idle_max);
  bool drains() const { return drains_; }
  // It serves that listener, as it is configured.
  bool is_of(const ListenerRoutes& listener) const {
    return name_ == listener.config->name && configured_address_ == listener.config->address && tls_ == listener.tls;
  }
  size_t connections() const { return server_.connections(); }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  void on_connection_refused(net::ConnectionRefusal why) override { metrics_.connection_refused(why); }
  void on_tls_handshake(bool complete) override { metrics_.tls_handshake(complete); }
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  std::unique_ptr<http::Handler> respond_at_last_hop(http::Responder& responder);
  std::unique_ptr<http::Handler> respond_to_options(http::Responder& responder);
  void count_own(http::Responder& responder, policy::Outcome outcome, uint16_t status, const std::string& request_id);
  std::unique_ptr<http::Handler> refuse(http::Responder& responder, policy::Outcome outcome, std::string extra_fields);
  const std::shared_ptr<const RouteTable>& table() const { return own_table_ ? own_table_ : worker_.table(); }
  const config::Log& log() const { return table()->config().log; }

  Worker& worker_;
  const ListenerRoutes* routes_;  // in table()
  const std::string name_;
  const SocketAddress configured_address_;
  std::shared_ptr<const RouteTable> own_table_;  // null: the worker's, in force
  metrics::RouteMetrics& no_route_metrics_;
  metrics::RouteMetrics& jobs_metrics_;
  metrics::ListenerMetrics& metrics_;
  const std::shared_ptr<net::TlsContext> tls_;
  http::Server server_;
  net::Timer lame_duck_;
  std::function<void()> on_lame_duck_over_;
  bool drains_ = false;
};

}  // namespace tidegate::core
