#include "api/demo/demo_handlers.h"

#include <algorithm>
#include <array>

#include "api/http/json.h"
#include "api/http/reply.h"
#include "base/json_writer.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr Duration kTimeout = 1s;
constexpr size_t kBodyMax = 1024;
constexpr size_t kResponseMax = 1 << 20;
constexpr std::array<std::string_view, 5> kModes = {"none", "error", "hang", "slow", "down"};
constexpr std::string_view kOptimizer = "optimizer";  // the upstream's name in the shipped configurations

http::FetchRequest request_to(const http::HttpUrl& url, std::string_view rest) {
  http::FetchRequest request;
  request.host = url.host;
  request.target = url.target + std::string(rest);
  request.timeout = kTimeout;
  request.body_bytes_max = kResponseMax;
  return request;
}

bool is_mode(std::string_view mode) { return std::find(kModes.begin(), kModes.end(), mode) != kModes.end(); }

std::string mode_json(const Result<http::FetchResponse>& response) {
  const std::string mode = response && response->status == 200 ? string_in(parse_object(response->body), "mode") : "";
  return is_mode(mode) ? '"' + mode + '"' : "null";
}

}  // namespace

std::string breaker_json(std::string_view status) {
  const Json json = parse_object(status);
  const auto breakers = json.find("breakers");
  if (breakers == json.end() || !breakers->is_array() || breakers->empty()) return "null";
  const auto named = std::find_if(breakers->begin(), breakers->end(),
                                  [](const Json& breaker) { return string_in(breaker, "name") == kOptimizer; });
  const Json& breaker = named != breakers->end() ? *named : breakers->front();
  const std::string state = string_in(breaker, "state");
  if (state.empty()) return "null";
  JsonWriter out;
  out.field("state", state);
  const std::string reason = string_in(breaker, "reason");
  reason.empty() ? out.null("reason") : out.field("reason", reason);
  const auto wait_s = number_in(breaker, "next_probe_in_s");
  wait_s ? out.field("retry_in_s", *wait_s) : out.null("retry_in_s");
  return out.take();
}

DemoHandler::DemoHandler(http::Responder& responder, const std::optional<http::HttpUrl>& faults,
                         const std::optional<http::HttpUrl>& admin)
    : responder_(responder),
      has_faults_(faults.has_value()),
      mode_(faults ? "" : "null"),
      breaker_(admin ? "" : "null") {
  if (faults) {
    mode_request_ = http::fetch(responder.runtime(), request_to(*faults, ""), [this](auto response) {
      mode_ = mode_json(response);
      respond_when_complete();
    });
  }
  if (admin) {
    breaker_request_ = http::fetch(responder.runtime(), request_to(*admin, "/api/status"), [this](auto response) {
      breaker_ = response && response->status == 200 ? breaker_json(response->body) : "null";
      respond_when_complete();
    });
  }
}

void DemoHandler::respond_when_complete() {
  if (mode_.empty() || breaker_.empty()) return;
  JsonWriter json;
  json.field("faults", has_faults_).raw("mode", mode_).raw("breaker", breaker_);
  send(responder_, json_reply(200, json.take()));
}

void DemoHandler::on_client_gone() {
  mode_request_.reset();
  breaker_request_.reset();
}

FaultHandler::FaultHandler(http::Responder& responder, http::HttpUrl faults, std::string client_ip)
    : SmallBodyHandler(responder, kBodyMax), faults_(std::move(faults)), client_ip_(std::move(client_ip)) {}

void FaultHandler::on_whole_body(std::string body) {
  const std::string mode = string_in(parse_object(body), "mode");
  if (!is_mode(mode)) {
    return send(responder_, problem_reply(400, "bad_request", "mode must be none, error, hang, slow or down."));
  }
  log_warn("fault_changed", {{"mode", mode}, {"client", client_ip_}});
  http::FetchRequest request = request_to(faults_, "?mode=" + mode);
  request.method = "POST";
  step_ = http::fetch(responder_.runtime(), std::move(request), [this](auto response) { on_fault_set(response); });
}

void FaultHandler::on_fault_set(const Result<http::FetchResponse>& response) {
  if (const std::string mode = mode_json(response); mode != "null") {
    JsonWriter json;
    json.raw("mode", mode);
    return send(responder_, json_reply(200, json.take()));
  }
  send(responder_, problem_reply(502, "connect_failure", "The optimizer's /fault could not be reached."));
}

}  // namespace tidegate::api
