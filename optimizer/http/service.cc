#include "optimizer/http/service.h"

#include <algorithm>

#include "base/log.h"
#include "http/message/problem.h"
#include "optimizer/http/optimize_handler.h"
#include "optimizer/http/query.h"

namespace tidegate::optimizer {

namespace {

constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr int64_t kRetryAfterMax = 60;
constexpr int kTypicalWeight = 8;  // of a moving average: the latest image counts an eighth

http::ServerLimits server_limits(const ServiceOptions& options) {
  http::ServerLimits limits;
  limits.body_bytes = options.body_bytes_max;
  limits.connections = 1000;
  return limits;
}

bool is_read(const http::RequestHead& head) { return head.method == "GET" || head.method == "HEAD"; }

void send_wrong_method(http::Responder& responder, const char* allow) {
  send_refusal(responder, {405, "method_not_allowed", "", {}}, "Allow: " + std::string(allow) + "\r\n");
}

}  // namespace

void send_refusal(http::Responder& responder, const optimizer::Refusal& refusal, std::string_view fields) {
  http::Problem problem;
  problem.status = refusal.status;
  problem.reason = refusal.reason;
  problem.detail = refusal.detail;
  const auto id = responder.request().fields.find("X-Request-Id");
  if (id) problem.instance = *id;
  responder.respond(refusal.status, http::kProblemContentType, http::problem_json(problem), fields);
}

OptimizerService::OptimizerService(net::Runtime& runtime, const ServiceOptions& options)
    : runtime_(runtime),
      options_(options),
      pool_(options.workers, options.queue_max,
            [&runtime](std::function<void()> task) { runtime.post(std::move(task)); },
            {&ImageLibrary::begin_thread, &ImageLibrary::end_thread}),
      server_(runtime, server_limits(options), *this) {}

OptimizerService::~OptimizerService() = default;

void OptimizerService::drain(std::function<void()> done) {
  const std::set<OptimizeHandler*> hung = hung_;
  for (OptimizeHandler* handler : hung) handler->abort();
  server_.drain(std::move(done));
}

bool OptimizerService::reserve(uint64_t bytes) {
  if (bytes > options_.bodies_bytes_max - bodies_bytes_) return false;
  bodies_bytes_ += bytes;
  return true;
}

void OptimizerService::release(uint64_t bytes) { bodies_bytes_ -= bytes; }

void OptimizerService::record_processing(Duration took) {
  typical_ += (took - typical_) / kTypicalWeight;
  metrics_.worked(took);
}

int64_t OptimizerService::retry_after_seconds() const {
  return std::clamp<int64_t>(ceil_seconds(typical_), 1, kRetryAfterMax);
}

std::unique_ptr<http::Handler> OptimizerService::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const bool is_fault = head.path == "/fault" && options_.allow_faults;
  if (options_.fault.mode == FaultMode::down && !is_fault) {
    responder.abort();
  } else if (is_fault) {
    handle_fault(responder);
  } else if (handle_monitoring(responder)) {
    return nullptr;
  } else if (head.path != "/optimize") {
    send_refusal(
        responder,
        {404, "not_found", "There is nothing at this path; the paths are /optimize, /health and /metrics.", {}});
  } else if (head.method != "POST") {
    send_wrong_method(responder, "POST");
  } else {
    return optimize(responder);
  }
  return nullptr;  // finished
}

// Handles /health and /metrics; false: another path.
bool OptimizerService::handle_monitoring(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const bool health = head.path == "/health";
  if (!health && head.path != "/metrics") return false;
  if (!is_read(head)) {
    send_wrong_method(responder, "GET, HEAD");
  } else if (health) {
    responder.respond(200, "application/json", R"({"status":"ok"})", kNoStore);
  } else {
    responder.respond(200, kMetricsType,
                      metrics_.render({options_.workers, options_.queue_max, pool_.load(), bodies_bytes_}), kNoStore);
  }
  return true;
}

// Errors in the headers are reported before the body is read.
std::unique_ptr<http::Handler> OptimizerService::optimize(http::Responder& responder) {
  const auto query = Query::parse(responder.request().query);
  Expected<WatermarkOptions> options = std::holds_alternative<Query>(query) ? parse_options(std::get<Query>(query))
                                                                            : std::get<optimizer::Refusal>(query);
  if (auto* refusal = std::get_if<optimizer::Refusal>(&options)) {
    metrics_.begun();
    metrics_.ended(RequestResult::refused, Duration::zero());
    send_refusal(responder, *refusal);
    return nullptr;  // finished
  }
  auto handler = std::make_unique<OptimizeHandler>(*this, responder, std::move(std::get<WatermarkOptions>(options)));
  if (pool_.full()) handler->refuse_busy();
  return handler;
}

void OptimizerService::handle_fault(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  if (!is_read(head) && head.method != "POST") return send_wrong_method(responder, "GET, HEAD, POST");
  if (head.method == "POST") {
    const auto query = Query::parse(head.query);
    Expected<Fault> fault = std::holds_alternative<Query>(query) ? fault_from_query(std::get<Query>(query))
                                                                 : std::get<optimizer::Refusal>(query);
    if (auto* refusal = std::get_if<optimizer::Refusal>(&fault)) return send_refusal(responder, *refusal);
    options_.fault = std::get<Fault>(fault);
    log_warn("fault_changed", {{"fault", to_json(options_.fault)}});
  }
  responder.respond(200, "application/json", to_json(options_.fault), kNoStore);
}

http::Service::Refusal OptimizerService::on_refused(const http::ParseError& error, const SocketAddress& peer) {
  log_info("request_refused", {{"status", error.status}, {"reason", error.detail}, {"client", peer.to_string()}});
  http::Problem problem;
  problem.status = error.status;
  problem.reason = error.reason;
  problem.detail = error.detail;
  return {std::string(http::kProblemContentType), http::problem_json(problem), ""};
}

}  // namespace tidegate::optimizer
