#include "admin/admin_service.h"

#include <fmt/format.h>

#include "admin/guard.h"
#include "admin/routes.h"
#include "core/responses.h"
#include "http/message/problem.h"

namespace tidegate::admin {

using policy::Outcome;

namespace {

// Clients are probes, Prometheus and operators' tools: they send at once and read at once. A client that does not makes
// room for them, so that /health responds however many connections are open and silent.
http::ServerLimits admin_limits() {
  http::ServerLimits limits;
  limits.body_bytes = 64 * 1024;
  limits.connections = 100;
  limits.replace_waiting = true;
  limits.header_timeout = 5s;
  limits.body_timeout = 5s;
  limits.write_timeout = 10s;
  limits.idle_timeout = 5s;
  return limits;
}

}  // namespace

AdminService::AdminService(net::Runtime& runtime, core::Gateway& gateway, const Build& build, Reloading* reloading)
    : context_{runtime, gateway, build, runtime.wall_now(), reloading}, server_(runtime, admin_limits(), *this) {}

void AdminService::stop_listening() {
  server_.drain([] {}, http::Server::kDrainIdleMax);
}

std::unique_ptr<http::Handler> AdminService::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const FoundEndpoint found = find_endpoint(head.method, head.path);
  if (found.endpoint == nullptr) {
    if (found.allow.empty()) refuse(responder, Outcome::not_found, "The admin interface has no such endpoint.", "");
    else refuse(responder, Outcome::method_not_allowed, "", fmt::format("Allow: {}\r\n", found.allow));
    return nullptr;
  }
  if (const auto refused = refuse_access(head, found.endpoint->access, context_.gateway.table()->config().admin)) {
    log_refused(responder, *refused);
    send_refusal(responder, *refused);
    return nullptr;
  }
  return found.endpoint->handle(context_, responder, found.values);
}

void AdminService::refuse(http::Responder& responder, Outcome outcome, std::string_view detail, std::string fields) {
  core::send_problem(responder, {outcome, detail, to_hex(context_.runtime.random_id()), std::nullopt,
                                 "Cache-Control: no-store\r\n" + std::move(fields)});
}

http::Service::Refusal AdminService::on_refused(const http::ParseError& error, const SocketAddress&) {
  const std::string request_id =
      to_hex(context_.runtime.random_id());  // the problem refers to it, so it must live here
  const core::Problem problem{Outcome::bad_request, error.detail, request_id, std::nullopt, {}};
  return {std::string(http::kProblemContentType), core::problem_body(problem, error.status),
          core::problem_fields(problem)};
}

}  // namespace tidegate::admin
