// Signed messages as Standard Webhooks (standardwebhooks.com) has them: the sender signs, the receiver verifies
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/message/head.h"

namespace tidegate::http {

inline constexpr Duration kWebhookTolerance = 5min;  // of the sender's clock, either way

// "v1," + base64(HMAC-SHA256(key, "id.timestamp.body")). `secret`: "whsec_" + base64 of the key, or the key itself.
std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s, std::string_view body);

// Why the message must be rejected; empty where it is valid. Each of webhook-id, webhook-timestamp (seconds since
// 1970, within the tolerance of `now`) and webhook-signature (a list of signatures, of which one must be right) occurs
// once.
std::optional<std::string_view> distrust_webhook(const Fields& fields, std::string_view body, std::string_view secret,
                                                 WallTime now);

}  // namespace tidegate::http
