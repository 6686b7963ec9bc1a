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
  // `config`: read during construction alone; requests go by the listener of that name in the worker's table. The
  // worker outlives the service.
  ListenerService(Worker& worker, const config::Listener& config);

  Status listen() { return server_.listen(configured_address_); }
  SocketAddress address() const { return server_.address(); }
  // Serves on for lame_duck, and announces the close of its connections; then calls `over`, unless it drains before.
  void begin_lame_duck(std::function<void()> over);
  void drain(std::function<void()> done, Duration idle_max);
  bool drains() const { return drains_; }
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
  const config::Log& log() const { return worker_.table()->config().log; }

  Worker& worker_;
  const std::string name_;
  const SocketAddress configured_address_;
  metrics::RouteMetrics& no_route_metrics_;
  metrics::RouteMetrics& jobs_metrics_;
  metrics::ListenerMetrics& metrics_;
  http::Server server_;
  net::Timer lame_duck_;
  std::function<void()> on_lame_duck_over_;
  bool drains_ = false;
};

}  // namespace tidegate::core
