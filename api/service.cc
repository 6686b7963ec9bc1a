#include "api/service.h"

#include <algorithm>

#include "api/demo/demo_handlers.h"
#include "api/page.h"
#include "api/ready/ready_handler.h"
#include "api/results/image_handler.h"
#include "api/results/status_handler.h"
#include "api/upload/upload_handler.h"
#include "api/webhook/webhook_handler.h"
#include "base/log.h"
#include "http/message/client_address.h"
#include "http/message/origin.h"

namespace tidegate::api {

namespace {

using HandlerPtr = std::unique_ptr<http::Handler>;

constexpr uint64_t kFormOverhead = 64 * 1024;  // boundaries, headers and the two other parts

http::ServerLimits server_limits(const Settings& settings, const ServiceLimits& limits) {
  http::ServerLimits made;
  made.body_bytes = settings.max_upload + kFormOverhead;
  made.connections = limits.connections_max;
  return made;
}

HandlerPtr respond(http::Responder& responder, const Reply& reply) {
  send(responder, reply);
  return std::make_unique<HandlerBase>();
}

Reply not_found_reply() { return problem_reply(404, "not_found", "There is nothing at this path."); }
Reply bad_request_reply(std::string_view detail) { return problem_reply(400, "bad_request", detail); }

Reply empty_reply(std::string_view fields) {
  Reply reply;
  reply.status = 204;
  reply.fields = fields;
  return reply;
}

Reply preflight_reply() {
  return empty_reply(
      "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
      "Access-Control-Allow-Headers: Content-Type\r\n"
      "Access-Control-Max-Age: 86400\r\n"
      "Allow: GET, HEAD, POST, OPTIONS\r\n");
}

Reply content_reply(std::string_view content_type, std::string_view body, std::string_view fields) {
  Reply reply;
  reply.status = 200;
  reply.content_type = content_type;
  reply.body = body;
  reply.fields = fields;
  return reply;
}

// "KEY" of "/status/KEY".
std::string key_in(std::string_view path) { return std::string(path.substr(path.find('/', 1) + 1)); }

Reply bad_key_reply() { return bad_request_reply("A key has 64 hexadecimal digits."); }

enum class Method { get, post, any };  // get: with HEAD

bool is_page_file(const Settings&, std::string_view path) { return find_page_file(path).has_value(); }
bool has_webhook(const Settings& settings, std::string_view) { return !settings.webhook_secret.empty(); }
bool has_demo(const Settings& settings, std::string_view) { return settings.faults || settings.admin; }
bool has_faults(const Settings& settings, std::string_view) { return settings.faults.has_value(); }

}  // namespace

struct ApiService::Route {
  std::string_view path;  // a path that ends in "/*" matches every path that begins so
  Method method;
  std::string_view endpoint;  // label of the metric
  HandlerPtr (ApiService::*handle)(http::Responder& responder);
  // Null: always. False: there is nothing at the path (404).
  bool (*exists)(const Settings& settings, std::string_view path) = nullptr;

  bool matches(std::string_view candidate) const {
    return path.ends_with("/*") ? candidate.starts_with(path.substr(0, path.size() - 1)) : candidate == path;
  }
  bool allows(std::string_view name) const {
    return method == Method::any || (method == Method::post ? name == "POST" : name == "GET" || name == "HEAD");
  }
  const char* allowed() const { return method == Method::post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS"; }
};

// The first route that matches. OPTIONS is allowed everywhere: pages of any origin may use the service (CORS).
const std::vector<ApiService::Route> ApiService::kRoutes = {
    {"/upload", Method::post, "upload", &ApiService::upload},
    {"/status/*", Method::get, "status", &ApiService::status},
    {"/images/*", Method::get, "images", &ApiService::image},
    {"/webhooks/tidegate", Method::post, "webhook", &ApiService::webhook, has_webhook},
    {"/health", Method::get, "health", &ApiService::health},
    {"/ready", Method::get, "ready", &ApiService::ready},
    {"/metrics", Method::get, "metrics", &ApiService::metrics},
    {"/demo", Method::get, "demo", &ApiService::demo, has_demo},
    {"/demo/fault", Method::post, "demo", &ApiService::fault, has_faults},
    {"/", Method::get, "page", &ApiService::page},
    {"/page/*", Method::get, "page", &ApiService::page, is_page_file},
    {"/favicon.ico", Method::any, "page", &ApiService::favicon},
};

const ApiService::Route* ApiService::find_route(std::string_view path) {
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& r) { return r.matches(path); });
  return found != kRoutes.end() ? &*found : nullptr;
}

std::vector<std::string_view> ApiService::endpoints() {
  std::vector<std::string_view> names{"other"};
  for (const Route& route : kRoutes) {
    if (names.back() != route.endpoint) names.push_back(route.endpoint);
  }
  return names;
}

ApiService::ApiService(net::Runtime& runtime, const Settings& settings, ResultCache& cache, ObjectStore& store,
                       const ServiceLimits& limits)
    : runtime_(runtime),
      settings_(settings),
      limits_(limits),
      metrics_(endpoints()),
      cache_(cache, metrics_),
      store_(runtime, store, metrics_),
      budget_(limits.pictures_bytes_max),
      // A watermarked picture is about as large as the original; a lossless one may grow.
      tidegate_(runtime, settings.optimizer, 2 * settings.max_upload + kFormOverhead, settings.admin),
      flights_(backend(), settings.presign_ttl),
      watch_(runtime, dependencies(), metrics_, limits.check_interval),
      server_(runtime, server_limits(settings, limits), *this) {}

// A cache in this process is always available, so it is not listed.
std::vector<Dependency> ApiService::dependencies() {
  std::vector<Dependency> all;
  if (settings_.redis) all.push_back({"redis", [this](auto done) { return cache_.check(std::move(done)); }});
  all.push_back(
      {settings_.s3 ? "object store" : "directory", [this](auto done) { return store_.check(std::move(done)); }});
  all.push_back({"tidegate", [this](std::function<void(Status)> done) {
                   return tidegate_.ping([done = std::move(done)](const Result<http::FetchResponse>& response) {
                     done(response ? Status(Ok{}) : Status(response.error()));
                   });
                 }});
  return all;
}

void ApiService::drain(std::function<void()> done) {
  is_draining_ = true;
  server_.drain([this, done = std::move(done)] { flights_.settle(done); });
}

HandlerPtr ApiService::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  if (head.method == "OPTIONS") return respond(responder, preflight_reply());
  const Route* route = find_route(head.path);
  if (!route || (route->exists && !route->exists(settings_, head.path))) return respond(responder, not_found_reply());
  if (!route->allows(head.method)) {
    return respond(responder, problem_reply(405, "method_not_allowed", "", field_line("Allow", route->allowed())));
  }
  return (this->*route->handle)(responder);
}

void ApiService::on_response(const http::RequestHead& head, uint16_t status) {
  const Route* route = find_route(head.path);
  metrics_.count_response(route ? route->endpoint : "other", status);
}

http::Service::Refusal ApiService::on_refused(const http::ParseError& error, const SocketAddress& peer) {
  log_info("request_refused", {{"status", error.status}, {"reason", error.detail}, {"client", peer.to_string()}});
  std::string detail(error.detail);
  // The limit of the whole body means nothing to a client; it gets the limit of the image.
  if (error.status == 413) detail = "The image is larger than " + std::to_string(settings_.max_upload) + " bytes.";
  Reply reply = problem_reply(error.status, error.reason, detail);
  return {std::move(reply.content_type), std::move(reply.body), std::string(kCommonFields)};
}

// The peer, or the client that a trusted proxy names.
std::string ApiService::client_of(http::Responder& responder) const {
  const IpAddress peer = responder.peer().ip;
  return http::client_address(peer, responder.request().fields, settings_.trusted_proxies).to_string();
}

// Errors in the headers are reported before the body is read.
HandlerPtr ApiService::upload(http::Responder& responder) {
  const http::Fields& fields = responder.request().fields;
  const auto encoding = fields.find("Content-Encoding");
  if (encoding && *encoding != "identity") {
    return respond(responder, problem_reply(415, "unsupported_media_type",
                                            "The body has a Content-Encoding; send the form without one.",
                                            field_line("Accept-Encoding", "identity")));
  }
  // A proxy that inspects uploads may have used the other boundary.
  if (fields.count("Content-Type") > 1) {
    return respond(responder, bad_request_reply("The request has two Content-Type fields."));
  }
  const Boundary boundary = parse_boundary(fields.find("Content-Type").value_or(""));
  if (boundary.complaint) return respond(responder, bad_request_reply(*boundary.complaint));
  return std::make_unique<UploadHandler>(flights_, metrics_, reservations_, responder, client_of(responder),
                                         std::make_unique<UploadForm>(boundary.value, settings_.max_upload, budget_),
                                         limits_.form_timeout);
}

HandlerPtr ApiService::status(http::Responder& responder) {
  const std::string key = key_in(responder.request().path);
  if (!is_key(key)) return respond(responder, bad_key_reply());
  return std::make_unique<StatusHandler>(backend(), flights_, responder, key);
}

HandlerPtr ApiService::image(http::Responder& responder) {
  const std::string key = key_in(responder.request().path);
  if (!is_key(key)) return respond(responder, bad_key_reply());
  return std::make_unique<ImageHandler>(backend(), reservations_, responder, key);
}

HandlerPtr ApiService::health(http::Responder& responder) {
  return respond(responder, json_reply(200, R"({"status":"ok"})"));
}

HandlerPtr ApiService::ready(http::Responder& responder) {
  if (is_draining_) return respond(responder, ready_reply({{"api", "stopping"}}));
  return std::make_unique<ReadyHandler>(responder, watch_.dependencies(),
                                        [this](const ReadyCheck::Findings& findings) { watch_.record(findings); });
}

HandlerPtr ApiService::metrics(http::Responder& responder) {
  const std::string text = metrics_.render(
      {flights_.size(), budget_.used(), cache_.bytes(), cache_.errors(), server_.connections(), store_.circuit()});
  return respond(responder,
                 content_reply("text/plain; version=0.0.4; charset=utf-8", text, "Cache-Control: no-store\r\n"));
}

HandlerPtr ApiService::webhook(http::Responder& responder) {
  return std::make_unique<WebhookHandler>(backend(), metrics_, responder, settings_.webhook_secret);
}

HandlerPtr ApiService::demo(http::Responder& responder) {
  return std::make_unique<DemoHandler>(responder, settings_.faults, settings_.admin);
}

HandlerPtr ApiService::fault(http::Responder& responder) {
  if (http::is_from_another_site(responder.request())) {
    return respond(responder, problem_reply(403, "cross_site", "Pages of other sites may not change the fault."));
  }
  return std::make_unique<FaultHandler>(responder, *settings_.faults, client_of(responder));
}

HandlerPtr ApiService::page(http::Responder& responder) {
  const auto file = find_page_file(responder.request().path);
  return respond(responder, content_reply(file->content_type, file->bytes, kPageFields));
}

// Browsers request it by themselves; the page names another icon.
HandlerPtr ApiService::favicon(http::Responder& responder) {
  return respond(responder, empty_reply("Cache-Control: max-age=86400\r\n"));
}

}  // namespace tidegate::api
