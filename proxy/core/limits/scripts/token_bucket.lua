-- One call of a token bucket, on the server's clock. The arithmetic is that of policy/rate_limiter.h.
--
-- KEYS: 1 hash {tokens, at}; expires when the bucket is full again
-- ARGV: 1 tokens a second, 2 burst
-- Result: {1 = allowed, remaining, retry_after (us), reset_after (us)}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
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
