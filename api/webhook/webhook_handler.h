// POST /webhooks/tidegate: Tidegate reports the end of a job, signed according to Standard Webhooks. The result of a
// succeeded job is stored and cached before the response, because Tidegate repeats a webhook until it gets a 2xx.
//
//   receiving ──▶ verified ─┬─ job.succeeded with a key ──▶ lookup ─┬─ stored, or refused by the optimizer ─▶ 204
//       │                   └─ other ──▶ 204                        └─ a store or Tidegate unavailable ─▶ 503
//       └─ wrong signature: 401; not JSON: 400
//
// A repeated webhook is harmless: the lookup finds the stored result.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/small_body_handler.h"
#include "api/lookup/lookup.h"
#include "api/metrics/metrics.h"

namespace tidegate::api {

inline constexpr size_t kWebhookBytesMax = 64 << 10;

struct WebhookMessage {
  std::string type;  // "job.succeeded"
  std::string key;   // the idempotency key of the job; "": none
  Job job;
};
// Nothing: not a JSON object with a type.
std::optional<WebhookMessage> parse_webhook(std::string_view json);

class WebhookHandler final : public SmallBodyHandler {
 public:
  WebhookHandler(const Backend& backend, Metrics& metrics, http::Responder& responder, const std::string& secret);
  void on_client_gone() override;

 private:
  void on_whole_body(std::string body) override;
  void on_found(const Finding& finding);
  void respond(const Reply& reply);

  const Backend backend_;
  Metrics& metrics_;
  const std::string secret_;
  WebhookMessage message_;
  std::unique_ptr<net::Operation> step_;
};

}  // namespace tidegate::api
