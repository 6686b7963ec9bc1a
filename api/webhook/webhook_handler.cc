#include "api/webhook/webhook_handler.h"

#include "api/http/json.h"
#include "api/upload/key.h"
#include "base/log.h"
#include "http/message/webhook.h"

namespace tidegate::api {

namespace {

using Kind = Finding::Kind;

constexpr std::string_view kSucceeded = "job.succeeded";

Reply no_content_reply(const char* outcome) {
  Reply reply;
  reply.status = 204;
  reply.outcome = outcome;
  return reply;
}

}  // namespace

std::optional<WebhookMessage> parse_webhook(std::string_view text) {
  const Json json = parse_object(text);
  WebhookMessage message;
  message.type = string_in(json, "type");
  if (message.type.empty()) return std::nullopt;
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object()) return message;
  message.key = string_in(*data, "idempotency_key");
  message.job = parse_job(data->dump()).value_or(Job{});
  return message;
}

WebhookHandler::WebhookHandler(const Backend& backend, Metrics& metrics, http::Responder& responder,
                               const std::string& secret)
    : SmallBodyHandler(responder, kWebhookBytesMax), backend_(backend), metrics_(metrics), secret_(secret) {}

void WebhookHandler::on_whole_body(std::string body) {
  const auto distrust =
      http::distrust_webhook(responder_.request().fields, body, secret_, responder_.runtime().wall_now());
  if (distrust) {
    log_warn("webhook_rejected", {{"reason", *distrust}, {"client", responder_.peer().ip.to_string()}});
    return respond(problem_reply(401, "unauthorized", *distrust));
  }
  auto message = parse_webhook(body);
  if (!message) return respond(problem_reply(400, "bad_request", "The message is not a JSON object with a type."));
  message_ = std::move(*message);
  // A dead job has no result, and a job without a key is not one of this service.
  if (message_.type != kSucceeded || !is_key(message_.key) || message_.job.id.empty()) {
    return respond(no_content_reply("ignored"));
  }
  step_ = std::make_unique<Lookup>(backend_, message_.key, message_.job,
                                   [this](const Finding& finding) { on_found(finding); });
}

void WebhookHandler::on_found(const Finding& finding) {
  if (finding.kind == Kind::unavailable) return respond(finding.reply);
  if (finding.kind == Kind::done) {
    return respond(finding.is_stored
                       ? no_content_reply("stored")
                       : store_reply({ErrorCode::io, "the result was not stored"}, backend_.store.retry_after()));
  }
  log_warn("job_failed", {{"key", message_.key}, {"reason", finding.report.error}});
  if (!finding.is_refused) return respond(no_content_reply("failed"));
  // The same picture would be refused again, so its original is removed.
  step_ = backend_.store.remove("originals/" + message_.key, [this](const Status& removed) {
    respond(removed ? no_content_reply("failed") : store_reply(removed.error(), backend_.store.retry_after()));
  });
}

void WebhookHandler::respond(const Reply& reply) {
  const bool is_repeated = reply.status == 429 || reply.status >= 500;
  metrics_.count_webhook(is_repeated ? "retry" : reply.outcome);
  log_info("webhook", {{"outcome", std::string_view(reply.outcome)},
                       {"status", reply.status},
                       {"type", message_.type},
                       {"key", message_.key},
                       {"job_id", message_.job.id}});
  send(responder_, reply);
}

void WebhookHandler::on_client_gone() { step_.reset(); }

}  // namespace tidegate::api
