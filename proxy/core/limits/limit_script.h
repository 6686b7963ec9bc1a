// The rate limits as Redis runs them: one script a limit (core/limits/scripts), atomic, on the server's own clock, so
// that replicas whose clocks differ agree. The arithmetic is policy/rate_limiter.h's and policy/sliding_window.h's.
//
//   token bucket     hash    key: {tokens, at}                  expires when the bucket is full again
//   sliding window   zset    key: (member, when admitted in µs) …   expires one window after the last admission
//
// Both return {allowed, remaining, retry_after in µs, reset_after in µs}. A server whose clock is set back refuses
// rather than admits more: what the log holds counts until its time is over, and a bucket begins to fill from then.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/rate_limit.h"
#include "redis/client.h"

namespace tidegate::core {

// Lives as long as the process.
const redis::Script& limit_script(policy::RateAlgorithm algorithm);
// `member`: names this call and no other, of any replica.
std::vector<std::string> limit_arguments(const policy::RateLimitConfig& limit, std::string member);
// Errors: unavailable (the server refused to run the script), invalid (not the script's reply).
Result<policy::RateDecision> read_limit_reply(const redis::Reply& reply);

}  // namespace tidegate::core
