// One listener on one worker: the server, and the decision what a request is: a job's status, a route's exchange, or
// nothing we know.
#pragma once

#include <memory>
#include <string>

#include "core/gateway.h"
#include "http/server/server.h"

namespace tidegate::core {

class ListenerService final : public http::Service {
 public:
  // The label of requests to the jobs interface, in metrics and the access log; no route may be named so.
  static constexpr const char* kJobsRoute = "_jobs";

  // `index` into config.listeners and gateway.routes. The worker outlives the service.
  ListenerService(Worker& worker, size_t index);

  Status listen() { return server_.listen(config_.address); }
  SocketAddress address() const { return server_.address(); }
  void drain(std::function<void()> done) { server_.drain(std::move(done)); }
  size_t connections() const { return server_.connections(); }

  Worker& worker() { return worker_; }
  metrics::RouteMetrics& jobs_metrics() { return jobs_metrics_; }
  const config::Listener& config() const { return config_; }
  // The queues that this listener's routes enqueue to, each once.
  const std::vector<QueueState*>& queues() const { return queues_; }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  std::unique_ptr<http::Handler> answer_last_hop(http::Responder& responder);
  void count_own(http::Responder& responder, policy::Outcome outcome, uint16_t status, const std::string& request_id);
  std::unique_ptr<http::Handler> refuse(http::Responder& responder, policy::Outcome outcome, std::string extra_fields);

  Worker& worker_;
  const config::Listener& config_;
  const std::vector<RouteState>& routes_;
  metrics::RouteMetrics& no_route_metrics_;
  metrics::RouteMetrics& jobs_metrics_;
  std::vector<QueueState*> queues_;
  http::Server server_;
};

}  // namespace tidegate::core
