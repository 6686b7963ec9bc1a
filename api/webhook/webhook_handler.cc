#include "api/webhook/webhook_handler.h"

#include "api/json.h"
#include "api/upload/key.h"
#include "base/log.h"
#include "http/message/webhook.h"

namespace tidegate::api {

namespace {

using Kind = Finding::Kind;

constexpr std::string_view kSucceeded = "job.succeeded";

Reply done_reply(const char* outcome) {
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
  const auto doubt =
      http::distrust_webhook(responder_.request().fields, body, secret_, responder_.runtime().wall_now());
  if (doubt) {
    log_warn("webhook_distrusted", {{"cause", *doubt}, {"client", responder_.peer().ip.to_string()}});
    return answer(problem_reply(401, "unauthorized", *doubt));
  }
  auto message = parse_webhook(body);
  if (!message) return answer(problem_reply(400, "bad_request", "The message is no JSON object with a type."));
  message_ = std::move(*message);
  // Of the dead there is nothing to store, and what others have queued is not ours.
  if (message_.type != kSucceeded || !is_key(message_.key) || message_.job.id.empty()) {
    return answer(done_reply("ignored"));
  }
  step_ = std::make_unique<Lookup>(backend_, message_.key, message_.job,
                                   [this](const Finding& finding) { on_found(finding); });
}

void WebhookHandler::on_found(const Finding& finding) {
  if (finding.kind == Kind::unavailable) return answer(finding.reply);
  if (finding.kind == Kind::done) {
    return answer(finding.is_stored
                      ? done_reply("stored")
                      : store_reply({ErrorCode::io, "the result is not stored"}, backend_.store.retry_after()));
  }
  log_warn("job_came_to_nothing", {{"key", message_.key}, {"cause", finding.report.error}});
  if (!finding.is_refused) return answer(done_reply("failed"));
  // The same picture will be refused again: nothing of it stays.
  step_ = backend_.store.remove("originals/" + message_.key, [this](const Status& removed) {
    answer(removed ? done_reply("failed") : store_reply(removed.error(), backend_.store.retry_after()));
  });
}

void WebhookHandler::answer(const Reply& reply) {
  const bool comes_again = reply.status == 429 || reply.status >= 500;
  metrics_.webhook_ended(comes_again ? "retry" : reply.outcome);
  log_info("webhook", {{"outcome", std::string_view(reply.outcome)},
                       {"status", reply.status},
                       {"type", message_.type},
                       {"key", message_.key},
                       {"job_id", message_.job.id}});
  send(responder_, reply);
}

void WebhookHandler::on_client_gone() { step_.reset(); }

}  // namespace tidegate::api
