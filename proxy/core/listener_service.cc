#include "core/listener_service.h"

#include "base/log.h"
#include "core/access_log.h"
#include "core/exchange/exchange.h"
#include "core/jobs/jobs_endpoint.h"
#include "core/responses.h"
#include "core/routing/router.h"
#include "core/upstream/forward.h"
#include "http/message/problem.h"

namespace tidegate::core {

using policy::Outcome;

namespace {

http::ServerLimits server_limits(const config::Listener& listener) {
  const config::ListenerLimits& limits = listener.limits;
  http::ServerLimits result;
  result.paths = listener.paths;
  result.head.header_bytes = limits.header_bytes;
  result.head.header_count = static_cast<size_t>(limits.headers);
  result.body_bytes = limits.body;
  result.header_timeout = limits.header_timeout;
  result.body_timeout = limits.body_timeout;
  result.write_timeout = limits.write_timeout;
  result.idle_timeout = limits.idle_timeout;
  return result;
}

}  // namespace

ListenerService::ListenerService(Worker& worker, const ListenerRoutes& listener)
    : worker_(worker),
      routes_(&listener),
      name_(listener.config->name),
      configured_address_(listener.config->address),
      no_route_metrics_(worker.gateway().metrics().route("")),
      jobs_metrics_(worker.gateway().metrics().route(JobsHandler::kRoute)),
      metrics_(worker.gateway().metrics().listener(name_)),
      tls_(listener.tls),
      server_(worker.runtime(), server_limits(*listener.config), *this, listener.connections, listener.tls),
      lame_duck_(worker.runtime(), [this] { on_lame_duck_over_(); }) {}

void ListenerService::use(const ListenerRoutes& listener) {
  routes_ = &listener;
  server_.set_limits(server_limits(*listener.config));
  server_.serve();
}

void ListenerService::begin_lame_duck(std::function<void()> over) {
  on_lame_duck_over_ = std::move(over);
  server_.announce_close();
  lame_duck_.start_after(routes_->config->lame_duck);
}

void ListenerService::drain(std::function<void()> done, Duration idle_max) {
  lame_duck_.stop();
  drains_ = true;
  server_.drain(std::move(done), idle_max);
}

std::unique_ptr<http::Handler> ListenerService::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const std::shared_ptr<const RouteTable> table = this->table();
  const ListenerRoutes& listener = *routes_;
  if (head.path == "*") return respond_to_options(responder);
  if (!listener.queues.empty() && head.path.starts_with(listener.config->jobs_path)) {
    auto handler = std::make_unique<JobsHandler>(worker_, table, listener, jobs_metrics_, responder);
    handler->start();
    return handler;
  }
  const RouteMatch match = match_route(*listener.config, head);
  if (std::holds_alternative<NoRoute>(match)) return refuse(responder, Outcome::no_route, "");
  if (const auto* wrong = std::get_if<WrongMethod>(&match)) {
    return refuse(responder, Outcome::method_not_allowed, "Allow: " + wrong->allow + "\r\n");
  }
  if (hops_left(head) == 0) return respond_at_last_hop(responder);
  auto exchange = std::make_unique<Exchange>(worker_, table, listener.routes[std::get<size_t>(match)], responder);
  exchange->start();
  return exchange;
}

// The request may go no further. TRACE is not done here: it would show a client what its service has added.
std::unique_ptr<http::Handler> ListenerService::respond_at_last_hop(http::Responder& responder) {
  if (responder.request().method == "TRACE")
    return refuse(responder, Outcome::method_not_allowed, "Allow: OPTIONS\r\n");
  return respond_to_options(responder);
}

// About Tidegate itself: "OPTIONS *", or at the last hop. Nothing is promised, as the methods depend on the path.
std::unique_ptr<http::Handler> ListenerService::respond_to_options(http::Responder& responder) {
  constexpr uint16_t kNoContent = 204;
  const std::string request_id = to_hex(worker_.runtime().random_id());
  count_own(responder, Outcome::responded, kNoContent, request_id);
  responder.respond(kNoContent, "", "", "X-Request-Id: " + request_id + "\r\n");
  return nullptr;
}

// A response without a route and an exchange.
void ListenerService::count_own(http::Responder& responder, Outcome outcome, uint16_t status,
                                const std::string& request_id) {
  no_route_metrics_.begun();
  no_route_metrics_.ended(responder.request().method, status, outcome, Duration::zero());
  const IpAddress client = responder.peer().ip;
  log_access({responder.request(), "", outcome, status, Duration::zero(), client, request_id, 0, "", 0, "", ""}, log());
}

std::unique_ptr<http::Handler> ListenerService::refuse(http::Responder& responder, Outcome outcome,
                                                       std::string extra_fields) {
  const std::string request_id = to_hex(worker_.runtime().random_id());
  count_own(responder, outcome, status_of(outcome), request_id);
  send_problem(responder, {outcome, "", request_id, std::nullopt, std::move(extra_fields)});
  return nullptr;  // finished
}

http::Service::Refusal ListenerService::on_refused(const http::ParseError& error, const SocketAddress& peer) {
  const Outcome outcome = outcome_of(error);
  const std::string request_id = to_hex(worker_.runtime().random_id());
  no_route_metrics_.begun();
  no_route_metrics_.ended("", error.status, outcome, Duration::zero());
  if (log().access != config::AccessLog::off) {
    log_info("request_refused", {{"outcome", to_string(outcome)},
                                 {"code", error.status},
                                 {"reason", error.detail},
                                 {"client", peer.ip.to_string()},
                                 {"request_id", request_id}});
  }
  const Problem problem{outcome, error.detail, request_id, std::nullopt, {}};
  return {std::string(http::kProblemContentType), problem_body(problem, error.status), problem_fields(problem)};
}

}  // namespace tidegate::core
