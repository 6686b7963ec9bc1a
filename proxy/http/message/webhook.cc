#include "http/message/webhook.h"

#include <charconv>

#include "base/keyed_hash.h"

namespace tidegate::http {

namespace {

constexpr std::string_view kEncoded = "whsec_";
constexpr int64_t kLatest_s = 253'402'300'799;  // the year 9999

std::string key_of(std::string_view secret) {
  if (!secret.starts_with(kEncoded)) return std::string(secret);
  std::string encoded(secret.substr(kEncoded.size()));
  while (encoded.size() % 4 != 0) encoded += '=';               // padding may be left out
  return base64_decode(encoded).value_or(std::string(secret));  // the configuration has seen that it is base64
}

std::optional<std::string_view> only(const Fields& fields, std::string_view name) {
  return fields.count(name) == 1 ? fields.find(name) : std::nullopt;
}

std::optional<int64_t> parse_seconds(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 && value <= kLatest_s ? std::optional(value) : std::nullopt;
}

// "v1,… v1,…", with schemes that are not ours among them.
bool has_signature(std::string_view list, std::string_view wanted) {
  bool found = false;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(' ', begin), list.size());
    found = equal_in_constant_time(list.substr(begin, end - begin), wanted) || found;
    begin = end + 1;
  }
  return found;
}

}  // namespace

std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp_s,
                              std::string_view body) {
  std::string text(id);
  text.append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  const Sha256Bytes digest = hmac_sha256(key_of(secret), text);
  return "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::optional<std::string_view> distrust_webhook(const Fields& fields, std::string_view body, std::string_view secret,
                                                 WallTime now) {
  const auto id = only(fields, "webhook-id");
  const auto timestamp = only(fields, "webhook-timestamp");
  const auto signatures = only(fields, "webhook-signature");
  if (!id || id->empty() || !timestamp || !signatures) {
    return "webhook-id, webhook-timestamp and webhook-signature must each be present once.";
  }
  const auto sent_s = parse_seconds(*timestamp);
  if (!sent_s) return "webhook-timestamp is not a number of seconds.";
  const auto off = now - WallTime(std::chrono::seconds(*sent_s));
  if (off > kWebhookTolerance || off < -kWebhookTolerance) return "webhook-timestamp is more than 5 minutes off.";
  if (!has_signature(*signatures, webhook_signature(secret, *id, *sent_s, body))) return "The signature is wrong.";
  return std::nullopt;
}

}  // namespace tidegate::http
