#include "core/exchange/request_intake.h"

#include <algorithm>
#include <charconv>

#include "base/ids.h"
#include "http/message/client_address.h"
#include "http/message/method.h"
#include "http/message/upgrade.h"

namespace tidegate::core {

namespace {

bool is_idempotent(const http::RequestHead& head) {
  return http::is_idempotent(head.method) || head.fields.find("idempotency-key").has_value();
}

Result<std::optional<Duration>> client_timeout(const http::Fields& fields, const std::string& name) {
  const auto text = name.empty() ? std::nullopt : fields.find(name);
  if (!text) return std::optional<Duration>();
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (error != std::errc() || end != text->data() + text->size() || ms < 1) {
    return Error{ErrorCode::invalid, "the timeout header must be a whole number of milliseconds, at least 1"};
  }
  // A day is longer than any total; more would only overflow.
  const std::chrono::milliseconds at_most_a_day(std::min<int64_t>(ms, 86'400'000));
  return std::optional<Duration>(at_most_a_day);
}

// Kept whole only on routes that may need the body again, and only as much as a job may hold.
uint64_t body_keep_max(const http::RequestHead& head, const RouteState& route, bool by_reference) {
  uint64_t keep_max = route.config->retry.max_attempts > 1 ? route.listener->limits.body : 0;
  if (route.enqueue && !by_reference) keep_max = std::max(keep_max, route.enqueue->max_body);
  const bool too_large = head.framing == http::Framing::content_length && head.content_length > keep_max;
  return too_large ? 0 : keep_max;
}

bool is_allowed(std::string_view protocol, const std::vector<std::string>& allowed) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& one) { return http::iequals(one, protocol); });
}

}  // namespace

RequestContext request_context(http::Responder& responder, const RouteState& route) {
  const config::Listener& listener = *route.listener;
  const IpAddress peer = responder.peer().ip;
  net::Runtime& runtime = responder.runtime();
  RequestContext context = make_context(responder.request(), peer, http::is_trusted(peer, listener.trusted_proxies),
                                        to_hex(runtime.random_id()), runtime.random());
  context.over_tls = listener.tls.has_value();
  const std::string_view upgrade = http::requested_upgrade(responder.request());
  (is_allowed(upgrade, route.config->upgrades) ? context.upgrade : context.upgrade_refused) = upgrade;
  return context;
}

Result<RequestIntake> read_request(const http::RequestHead& head, const RouteState& route, uint64_t rate_key_secret,
                                   const IpAddress& client, bool upgrade) {
  RequestIntake intake;
  auto timeout = client_timeout(head.fields, route.config->timeout_header);
  if (!timeout) return timeout.error();
  intake.traits.client_timeout = *timeout;
  intake.traits.idempotent = is_idempotent(head);
  intake.traits.upgrade = upgrade;
  if (route.policy.limiter) {
    intake.traits.rate_key = local_rate_key(*route.config->rate_limit, rate_key_secret, {client, head.fields});
  }
  if (route.enqueue && !upgrade) {
    auto preferences = job_preferences(head.fields, *route.enqueue);
    if (!preferences) return preferences.error();
    intake.preferences = std::move(*preferences);
  }
  const JobPreferences* const preferences = intake.preferences.get();
  intake.traits.respond_async = preferences && preferences->respond_async;
  intake.traits.body_elsewhere = preferences && preferences->body_ref;
  if (head.framing != http::Framing::none) {
    intake.body = {body_keep_max(head, route, intake.traits.body_elsewhere), route.config->buffering.request};
    intake.traits.body_first = intake.body.buffer > 0;
  }
  return intake;
}

}  // namespace tidegate::core
