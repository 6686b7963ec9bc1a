#include "core/limits/limit_script.h"

#include <fmt/format.h>

namespace tidegate::core {

namespace {

using policy::RateAlgorithm;

// ARGV: tokens a second, burst.
constexpr const char* kTokenBucket = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or burst, tonumber(held[2]) or now
if at > now then
  at = now
  redis.call('HSET', KEYS[1], 'at', now)
end
tokens = math.min(burst, tokens + (now - at) * rate / 1000000)
local short_us = math.floor((1 - tokens) * 1000000 / rate)
local allowed = short_us <= 0
if allowed then
  tokens = tokens - 1
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', now)
  redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) * 1000 / rate) + 1)
end
local reset_us = math.ceil((burst - tokens) * 1000000 / rate)
if allowed then return {1, math.floor(math.max(tokens, 0)), 0, reset_us} end
return {0, 0, short_us + 1, reset_us}
)";

// ARGV: window in µs, count, member. The score of a call is when it was admitted; the window is (now - window, now].
constexpr const char* kSlidingWindow = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, count = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local size = redis.call('ZCARD', KEYS[1])
if size < count then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1)
  return {1, count - size - 1, 0, window}
end
local first = redis.call('ZRANGE', KEYS[1], size - count, size - count, 'WITHSCORES')
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
return {0, 0, first[2] + window - now, last[2] + window - now}
)";

int64_t microseconds(Duration duration) { return std::chrono::ceil<std::chrono::microseconds>(duration).count(); }

}  // namespace

const redis::Script& limit_script(RateAlgorithm algorithm) {
  static const redis::Script bucket(kTokenBucket);
  static const redis::Script window(kSlidingWindow);
  return algorithm == RateAlgorithm::sliding_window ? window : bucket;
}

std::vector<std::string> limit_arguments(const policy::RateLimitConfig& limit, std::string member) {
  if (limit.algorithm == RateAlgorithm::sliding_window)
    return {std::to_string(microseconds(limit.window)), std::to_string(limit.count), std::move(member)};
  return {fmt::format("{:.17g}", limit.rate_per_s), fmt::format("{:.17g}", limit.burst)};
}

Result<policy::RateDecision> read_limit_reply(const redis::Reply& reply) {
  if (reply.is_error()) return Error{ErrorCode::unavailable, "the server says " + reply.text};
  bool fits = reply.kind == redis::Reply::Kind::array && reply.items.size() == 4;
  for (const redis::Reply& item : reply.items) fits = fits && item.kind == redis::Reply::Kind::integer;
  if (!fits) return Error{ErrorCode::invalid, "not the answer of a limit's script"};
  policy::RateDecision decision;
  decision.allowed = reply.items[0].integer == 1;
  decision.remaining = static_cast<double>(reply.items[1].integer);
  decision.retry_after = std::chrono::microseconds(reply.items[2].integer);
  decision.reset_after = std::chrono::microseconds(reply.items[3].integer);
  return decision;
}

}  // namespace tidegate::core
