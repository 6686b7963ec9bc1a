// The admin interface: /health, /ready, /metrics, /api/status and /api/queues (jobs_request.h). It has a loop of its
// own, so that it answers while workers are busy; it reads thread-safe views, and asks the queues from there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/queue_json.h"
#include "core/gateway.h"
#include "http/server/server.h"

namespace tidegate::admin {

struct Build {
  std::string version;
  std::string revision;
};

class AdminService final : private http::Service {
 public:
  // Runtime and gateway outlive the service.
  AdminService(net::Runtime& runtime, core::Gateway& gateway, const Build& build);

  Status listen() { return server_.listen(gateway_.config().admin.address); }
  SocketAddress address() const { return server_.address(); }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  void answer(http::Responder& responder);
  void answer_ready(http::Responder& responder);

  net::Runtime& runtime_;
  core::Gateway& gateway_;
  Build build_;
  WallTime started_;
  BulkReplays bulk_;
  http::Server server_;
};

}  // namespace tidegate::admin
