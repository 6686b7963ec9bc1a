-- One call of a sliding window, on the server's clock. The arithmetic is that of policy/sliding_window.h.
--
-- KEYS: 1 zset: member ─▶ when it was admitted (us); expires one window after the last admission
-- ARGV: 1 window (us), 2 count, 3 member: this call and no other
-- Result: {1 = allowed, remaining, retry_after (us), reset_after (us)}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, count = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)  -- the window is (now - window, now]
local size = redis.call('ZCARD', KEYS[1])
if size < count then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1)
  return {1, count - size - 1, 0, window}
end
local first = redis.call('ZRANGE', KEYS[1], size - count, size - count, 'WITHSCORES')
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
return {0, 0, first[2] + window - now, last[2] + window - now}
