// What clients and operators ask of a job, in Lua (redis_scripts.h).
#include "jobs/redis/scripts.h"

namespace tidegate::jobs {

// ARGV: 1 id
const char* RedisAskedLua::find = R"lua(
local id = ARGV[1]
local job = record(id)
local status = tonumber(job[2] or ACCEPTING)
if status == ACCEPTING then return answer('not_found') end
local waits = status == QUEUED or status == RETRYING
local rank = waits and call('ZRANK', P .. 'order', id) or 0
return answer('ok', id, job, text(rank or 0), call('LRANGE', P .. 'history:' .. id, 0, -1))
)lua";

// ARGV: 1 status ("" = any), 2 a part of the error, 3 after (a seq), 4 limit. Looks at 5,000 records at most: a page
// may be short and yet not the last.
const char* RedisAskedLua::list = R"lua(
local after, limit = ARGV[3] == '' and '-inf' or '(' .. ARGV[3], tonumber(ARGV[4])
local chunk = ARGV[2] == '' and limit + 1 or 5001
local found = {}
for status = 0, 6 do
  if ARGV[1] == '' or tonumber(ARGV[1]) == status then
    local ids = call('ZRANGEBYSCORE', P .. 'status:' .. status, after, '+inf', 'WITHSCORES', 'LIMIT', 0, chunk)
    for i = 1, #ids, 2 do found[#found + 1] = {tonumber(ids[i + 1]), ids[i]} end
  end
end
table.sort(found, function(a, b) return a[1] < b[1] end)
local page, last, more = {}, '', false
for i = 1, math.min(#found, 5000) do
  local seq, id = found[i][1], found[i][2]
  local job = record(id)
  if job[2] and (ARGV[2] == '' or string.find(job[9], ARGV[2], 1, true)) then
    if #page == limit then
      more = true
      break
    end
    page[#page + 1] = {id, job}
  end
  last = text(seq)
end
if #found > 5000 then more = true end
return answer('ok', page, more and last or '')
)lua";

// ARGV: 1 id, 2 results_ttl (us)
const char* RedisAskedLua::result = R"lua(
local job = get(ARGV[1], 'status', 'finished', 'result_size', 'result_status', 'result_fields', 'result_crc')
local status = tonumber(job[1] or ACCEPTING)
if status == ACCEPTING then return answer('not_found') end
if status ~= SUCCEEDED then return answer('conflict', job[1]) end
if tonumber(job[3]) < 0 or us(job[2]) + tonumber(ARGV[2]) <= now then
  return answer('gone', 'the result of job ' .. ARGV[1] .. ' has been forgotten')
end
return answer('ok', job[4], job[5], job[6], job[3])
)lua";

// A record that was never admitted goes at once: nobody was promised it.
const char* RedisAskedLua::cancel = R"lua(
local id = ARGV[1]
local job = get(id, 'status', 'size', 'key', 'created', 'expires', 'seq', 'external', 'replays')
local status = tonumber(job[1] or ACCEPTING)
if not job[1] then return answer('not_found') end
if status == ACCEPTING then
  forget(id)
  return answer('ok')
end
if status ~= QUEUED and status ~= RETRYING then return answer('conflict', job[1]) end
drop_body(id, job[2])
finish(id, CANCELLED)
return answer('ok')
)lua";

// 2 '1' = by force, 3 how often without
const char* RedisAskedLua::replay = R"lua(
local id = ARGV[1]
local job = get(id, 'status', 'size', 'key', 'created', 'expires', 'seq', 'external', 'replays')
local status = tonumber(job[1] or ACCEPTING)
if status == ACCEPTING then return answer('not_found') end
if status ~= DEAD then return answer('conflict', job[1]) end
if ARGV[2] ~= '1' and tonumber(job[8]) >= tonumber(ARGV[3]) then
  return answer('exhausted', 'it has been replayed ' .. job[8] .. ' times and died each time')
end
local order = math.max(now, tonumber(call('HGET', P .. 'meta', 'last') or '0') + 1)
call('HSET', P .. 'meta', 'last', text(order))
local expires = now + us(job[5]) - us(job[4])
set(id, 'attempt', 0, 'expires', ns(expires), 'due', ns(now), 'order', text(order))
call('HINCRBY', P .. 'job:' .. id, 'replays', 1)
call('HDEL', P .. 'job:' .. id, 'finished')
call('ZREM', P .. 'ended', id)
call('ZADD', P .. 'expiring', text(expires), id)
call('ZADD', P .. 'order', text(order), id)
move(id, job[6], DEAD, QUEUED)
if job[3] ~= '' then call('SET', P .. 'key:' .. job[3], id, 'NX') end
if job[7] ~= '1' then enter(id) end
return answer('ok')
)lua";

const char* RedisAskedLua::purge = R"lua(
local id = ARGV[1]
local job = get(id, 'status', 'size', 'key', 'created', 'expires', 'seq', 'external', 'replays')
local status = tonumber(job[1] or ACCEPTING)
if status == ACCEPTING then return answer('not_found') end
if status <= RETRYING then return answer('conflict', job[1]) end
forget(id)
return answer('ok')
)lua";

}  // namespace tidegate::jobs
