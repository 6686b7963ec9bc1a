#include "admin/admin_service.h"

#include <algorithm>

#include "admin/gauges.h"
#include "admin/jobs_api.h"
#include "admin/status.h"
#include "base/json_writer.h"
#include "core/responses.h"
#include "http/message/problem.h"

namespace tidegate::admin {

using policy::Outcome;

namespace {

constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

http::ServerLimits admin_limits() {
  http::ServerLimits limits;
  limits.body_bytes = 64 * 1024;
  limits.connections = 100;
  return limits;
}

bool is_known(std::string_view path) {
  static constexpr std::string_view kPaths[] = {"/health", "/ready", "/metrics", "/api/status"};
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
}

}  // namespace

AdminService::AdminService(net::Runtime& runtime, core::Gateway& gateway, const Build& build)
    : runtime_(runtime),
      gateway_(gateway),
      build_(build),
      started_(runtime.wall_now()),
      server_(runtime, admin_limits(), *this) {}

std::unique_ptr<http::Handler> AdminService::on_request(http::Responder& responder) {
  if (is_jobs_path(responder.request().path)) return JobsApi::make(gateway_, bulk_, responder);
  answer(responder);
  return nullptr;  // answered
}

void AdminService::answer(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  if (!is_known(head.path)) {
    return core::send_problem(
        responder,
        {Outcome::not_found, "The admin interface has no such page.", to_hex(runtime_.random_id()), std::nullopt, {}});
  }
  if (head.method != "GET" && head.method != "HEAD") {
    return core::send_problem(responder, {Outcome::method_not_allowed, "", to_hex(runtime_.random_id()), std::nullopt,
                                          "Allow: GET, HEAD\r\n"});
  }
  if (head.path == "/health") return responder.answer(200, "application/json", R"({"status":"ok"})", kNoStore);
  if (head.path == "/ready") return answer_ready(responder);
  if (head.path == "/api/status") {
    return responder.answer(200, "application/json", status_json(gateway_, build_, bulk_, started_, runtime_),
                            kNoStore);
  }
  set_gauges(gateway_, runtime_);
  responder.answer(200, "text/plain; version=0.0.4; charset=utf-8", gateway_.metrics().render(), kNoStore);
}

// An unwell upstream or an open breaker is not unreadiness: that is what Tidegate is there for. Draining is. Nor is a
// rate limit's store that is away, even where the route then denies: every replica would be unready at once, and the
// other routes with it.
void AdminService::answer_ready(http::Responder& responder) {
  JsonWriter failed;
  bool ready = true;
  if (gateway_.draining()) {
    failed.field("draining", "this proxy is shutting down");
    ready = false;
  }
  for (auto& [name, queue] : gateway_.queues()) {
    const jobs::QueueView view = queue.queue->view();
    if (view.available) continue;
    failed.field("queue " + name, view.why_unavailable);
    ready = false;
  }
  if (ready) return responder.answer(200, "application/json", R"({"status":"ready"})", kNoStore);
  JsonWriter json;
  json.field("status", "not ready").raw("failed", failed.take());
  responder.answer(503, "application/json", json.take(), kNoStore);
}

http::Service::Refusal AdminService::on_refused(const http::ParseError& error, const SocketAddress&) {
  const std::string request_id = to_hex(runtime_.random_id());  // the problem only points at it
  const core::Problem problem{Outcome::bad_request, error.detail, request_id, std::nullopt, {}};
  return {std::string(http::kProblemContentType), core::problem_body(problem, error.status),
          core::problem_fields(problem)};
}

}  // namespace tidegate::admin
