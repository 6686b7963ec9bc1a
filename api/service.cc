#include "api/service.h"

#include "api/demo/demo_handlers.h"
#include "api/key_handlers.h"
#include "api/page.h"
#include "api/ready_handler.h"
#include "api/upload/upload_handler.h"
#include "api/webhook/webhook_handler.h"
#include "base/log.h"
#include "http/message/client_address.h"
#include "http/message/origin.h"

namespace tidegate::api {

namespace {

constexpr uint64_t kFormOverhead = 64 * 1024;  // boundaries, heads and the two other parts
constexpr std::string_view kStatusPath = "/status/";
constexpr std::string_view kImagesPath = "/images/";

http::ServerLimits server_limits(const Settings& settings, const ServiceLimits& limits) {
  http::ServerLimits made;
  made.body_bytes = settings.max_upload + kFormOverhead;
  made.connections = limits.connections_max;
  return made;
}

std::unique_ptr<http::Handler> answered(http::Responder& responder, const Reply& reply) {
  send(responder, reply);
  return std::make_unique<QuietHandler>();
}

std::unique_ptr<http::Handler> wrong_method(http::Responder& responder, std::string_view allow) {
  return answered(responder, problem_reply(405, "method_not_allowed", "", field_line("Allow", allow)));
}

Reply no_path_reply() { return problem_reply(404, "not_found", "There is no such path."); }

Reply preflight_reply() {
  Reply reply;
  reply.status = 204;
  reply.fields =
      "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
      "Access-Control-Allow-Headers: Content-Type\r\n"
      "Access-Control-Max-Age: 86400\r\n"
      "Allow: GET, HEAD, POST, OPTIONS\r\n";
  return reply;
}

Reply nothing_reply() {
  Reply reply;
  reply.status = 204;
  reply.fields = "Cache-Control: max-age=86400\r\n";
  return reply;
}

Reply page_reply(const PageFile& file) {
  Reply reply;
  reply.status = 200;
  reply.content_type = file.content_type;
  reply.body = file.bytes;
  reply.fields = kPageFields;
  return reply;
}

// What /ready asks. A cache in this process is always well, and not asked.
constexpr const char* kRedis = "redis";
constexpr const char* kTidegate = "tidegate";
const char* store_name(const Settings& settings) { return settings.s3 ? "object store" : "directory"; }

std::vector<std::string> names_of(const Settings& settings) {
  std::vector<std::string> names{store_name(settings), kTidegate};
  if (settings.redis) names.emplace_back(kRedis);
  return names;
}

std::vector<Dependency> dependencies_of(const Settings& settings, const Backend& backend) {
  std::vector<Dependency> all;
  if (settings.redis) {
    all.push_back({kRedis, [&cache = backend.cache](auto done) { return cache.check(std::move(done)); }});
  }
  all.push_back({store_name(settings), [&store = backend.store](auto done) { return store.check(std::move(done)); }});
  all.push_back({kTidegate, [&tidegate = backend.tidegate](std::function<void(Status)> done) {
                   return tidegate.ping([done = std::move(done)](const Result<http::FetchResponse>& response) {
                     done(response ? Status(Ok{}) : Status(response.error()));
                   });
                 }});
  return all;
}

}  // namespace

ApiService::ApiService(net::Runtime& runtime, const Settings& settings, ResultCache& cache, ObjectStore& store,
                       const ServiceLimits& limits)
    : runtime_(runtime),
      settings_(settings),
      limits_(limits),
      metrics_(names_of(settings)),
      cache_(cache, metrics_),
      store_(runtime, store, metrics_),
      budget_(limits.pictures_bytes_max),
      // A watermarked picture is about as large as it was; a lossless one may grow.
      tidegate_(runtime, settings.optimizer, 2 * settings.max_upload + kFormOverhead, settings.admin),
      flights_(backend(), settings.presign_ttl),
      dependencies_(dependencies_of(settings, backend())),
      watch_timer_(runtime, [this] { watch(); }),
      server_(runtime, server_limits(settings, limits), *this) {
  watch_timer_.start_after(limits.watch_every);
}

std::unique_ptr<http::Handler> ApiService::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  if (head.method == "OPTIONS") return answered(responder, preflight_reply());
  if (head.path == "/favicon.ico") return answered(responder, nothing_reply());  // browsers ask for it unasked
  if (head.path == "/webhooks/tidegate") return webhook(responder);
  if (head.path == "/demo" || head.path == "/demo/fault") return demo(responder);
  if (head.path != "/upload") return get(responder);
  if (head.method != "POST") return wrong_method(responder, "POST, OPTIONS");
  return upload(responder);
}

// As far as the proxies that are trusted say so.
std::string ApiService::client_of(http::Responder& responder) const {
  const IpAddress peer = responder.peer().ip;
  return http::client_address(peer, responder.request().fields, settings_.trusted_proxies).to_string();
}

std::unique_ptr<http::Handler> ApiService::webhook(http::Responder& responder) {
  if (settings_.webhook_secret.empty()) return answered(responder, no_path_reply());
  if (responder.request().method != "POST") return wrong_method(responder, "POST, OPTIONS");
  return std::make_unique<WebhookHandler>(backend(), metrics_, responder, settings_.webhook_secret);
}

std::unique_ptr<http::Handler> ApiService::demo(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const bool is_switch = head.path == "/demo/fault";
  if (!settings_.faults && (is_switch || !settings_.admin)) return answered(responder, no_path_reply());
  if (!is_switch) {
    if (head.method != "GET" && head.method != "HEAD") return wrong_method(responder, "GET, HEAD, OPTIONS");
    return std::make_unique<DemoHandler>(responder, settings_.faults, settings_.admin);
  }
  if (head.method != "POST") return wrong_method(responder, "POST, OPTIONS");
  if (http::is_from_another_site(head)) {
    return answered(responder, problem_reply(403, "cross_site", "A page of another site may not switch anything."));
  }
  return std::make_unique<FaultHandler>(responder, *settings_.faults, client_of(responder));
}

std::unique_ptr<http::Handler> ApiService::get(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  const bool names_key = head.path.starts_with(kStatusPath) || head.path.starts_with(kImagesPath);
  const auto page = find_page_file(head.path);
  if (!names_key && !page && head.path != "/health" && head.path != "/ready" && head.path != "/metrics") {
    return answered(responder, no_path_reply());
  }
  if (head.method != "GET" && head.method != "HEAD") return wrong_method(responder, "GET, HEAD, OPTIONS");
  if (names_key) return get_key(responder);
  if (page) return answered(responder, page_reply(*page));
  if (head.path == "/ready") return ready(responder);
  if (head.path == "/metrics") return answered(responder, metrics_reply());
  return answered(responder, json_reply(200, R"({"status":"ok"})"));
}

std::unique_ptr<http::Handler> ApiService::get_key(http::Responder& responder) {
  const std::string_view path = responder.request().path;
  const bool is_status = path.starts_with(kStatusPath);
  const std::string key(path.substr((is_status ? kStatusPath : kImagesPath).size()));
  if (!is_key(key)) return answered(responder, problem_reply(400, "bad_request", "A key has 64 hexadecimal digits."));
  if (is_status) return std::make_unique<StatusHandler>(backend(), flights_, responder, key);
  return std::make_unique<ImageHandler>(backend(), rooms_, responder, key);
}

std::unique_ptr<http::Handler> ApiService::ready(http::Responder& responder) {
  if (is_draining_) return answered(responder, ready_reply({{"api", "stopping"}}));
  return std::make_unique<ReadyHandler>(responder, dependencies_,
                                        [this](const ReadyCheck::Findings& findings) { on_found(findings); });
}

void ApiService::drain(std::function<void()> done) {
  is_draining_ = true;
  server_.drain([this, done = std::move(done)] { flights_.settle(done); });
}

void ApiService::watch() {
  watch_.emplace(runtime_, dependencies_, [this](const ReadyCheck::Findings& findings) { on_found(findings); });
  watch_timer_.start_after(limits_.watch_every);
}

void ApiService::on_found(const ReadyCheck::Findings& findings) {
  for (const auto& [name, failure] : findings) {
    metrics_.dependency(name, failure.empty());
    std::string& known = failures_[name];
    if (known == failure) continue;
    known = failure;
    failure.empty() ? log_info("dependency_back", {{"dependency", name}})
                    : log_warn("dependency_away", {{"dependency", name}, {"cause", failure}});
  }
}

Reply ApiService::metrics_reply() {
  Reply reply;
  reply.status = 200;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body =
      metrics_.render({flights_.size(), budget_.used(), cache_.bytes(), cache_.errors(), server_.connections()}) +
      store_.metrics();
  reply.fields = "Cache-Control: no-store\r\n";
  return reply;
}

// Whatever can be refused by the head is refused before the body is read.
std::unique_ptr<http::Handler> ApiService::upload(http::Responder& responder) {
  const http::Fields& fields = responder.request().fields;
  const auto encoding = fields.find("Content-Encoding");
  if (encoding && *encoding != "identity") {
    return answered(responder, problem_reply(415, "unsupported_media_type",
                                             "The body has a Content-Encoding; a form is sent as it is.",
                                             field_line("Accept-Encoding", "identity")));
  }
  // Whoever looks at uploads before us may have gone by the other boundary.
  if (fields.count("Content-Type") > 1) {
    return answered(responder, problem_reply(400, "bad_request", "The request has two Content-Type fields."));
  }
  const auto type = fields.find("Content-Type");
  const Boundary boundary = parse_boundary(type.value_or(""));
  if (boundary.complaint) return answered(responder, problem_reply(400, "bad_request", *boundary.complaint));
  return std::make_unique<UploadHandler>(flights_, metrics_, rooms_, responder, client_of(responder),
                                         std::make_unique<UploadForm>(boundary.value, settings_.max_upload, budget_),
                                         limits_.form_timeout);
}

http::Service::Refusal ApiService::on_refused(const http::ParseError& error, const SocketAddress& peer) {
  log_info("request_refused", {{"code", error.status}, {"detail", error.detail}, {"client", peer.to_string()}});
  std::string detail(error.detail);
  // Who sends a picture knows nothing of the server's limits: it is told that of the pictures.
  if (error.status == 413) detail = "The image is larger than " + std::to_string(settings_.max_upload) + " bytes.";
  Reply reply = problem_reply(error.status, error.reason, detail);
  return {std::move(reply.content_type), std::move(reply.body), std::string(kCommonFields)};
}

}  // namespace tidegate::api
