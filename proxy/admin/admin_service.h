// The admin interface over HTTP; its endpoints are in routes.cc. It runs on an event loop of its own, so that it
// responds while the workers are busy. It reads thread-safe views, and calls the queues from that loop.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "admin/context.h"
#include "http/server/server.h"

namespace tidegate::admin {

class AdminService final : private http::Service {
 public:
  // All outlive the service. `reloading`: see Context.
  AdminService(net::Runtime& runtime, core::Gateway& gateway, const Build& build, Reloading* reloading = nullptr);

  Status listen() { return server_.listen(context_.gateway.table()->config().admin.address); }
  SocketAddress address() const { return server_.address(); }
  // For the status: see Context.
  void show_takeover(std::function<TakeoverView()> view) { context_.takeover = std::move(view); }
  // What is connected is responded to, and then asked to leave.
  void stop_listening();

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  void refuse(http::Responder& responder, policy::Outcome outcome, std::string_view detail, std::string fields);

  Context context_;
  http::Server server_;
};

}  // namespace tidegate::admin
