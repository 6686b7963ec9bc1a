// POST /webhooks/tidegate: Tidegate tells that a job has ended, signed as Standard Webhooks has it. The result of one
// that succeeded is brought into the store and the cache before the answer: an answer other than 2xx has Tidegate tell
// again.
//
//   collecting ─whole─▶ checked ─┬─ job.succeeded of a key ─▶ looking up ─┬─ stored, or refused by the optimizer ─▶ 204
//                       │        └─ anything else ─▶ 204                  └─ a store or Tidegate is away ─▶ 503
//                       └─ not signed by Tidegate: 401; no JSON: 400
//
// Telling twice does no harm: what is stored already is found.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/lookup.h"
#include "api/metrics/metrics.h"
#include "api/small_body_handler.h"

namespace tidegate::api {

inline constexpr size_t kWebhookBytesMax = 64 << 10;

struct WebhookMessage {
  std::string type;  // "job.succeeded"
  std::string key;   // the job's idempotency key; "" where it has none
  Job job;
};
// Nothing where it is no JSON object with a type.
std::optional<WebhookMessage> parse_webhook(std::string_view json);

class WebhookHandler final : public SmallBodyHandler {
 public:
  WebhookHandler(const Backend& backend, Metrics& metrics, http::Responder& responder, const std::string& secret);
  void on_client_gone() override;

 private:
  void on_whole_body(std::string body) override;
  void on_found(const Finding& finding);
  void answer(const Reply& reply);

  const Backend backend_;
  Metrics& metrics_;
  const std::string secret_;
  WebhookMessage message_;
  std::unique_ptr<net::Operation> step_;
};

}  // namespace tidegate::api
